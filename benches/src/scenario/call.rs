//! Calls, with the given number in flight.

use super::Connected;
use crate::Error;
use crate::flags::Setup;
use crate::load;
use crate::meter::Processes;
use crate::process::PluginProcess;
use crate::progress::Progress;
use crate::report::Report;
use crate::system::Hub;
use crate::system::raw::{self, RawHub};

pub(super) async fn run<H: Hub>(
    hub: H,
    setup: &Setup,
    progress: &Progress,
) -> Result<Report, Error> {
    let connected = Connected::new(hub, setup, progress).await?;
    let (called, processes) =
        (&connected.plugins[..setup.connections as usize], &connected.processes);
    let (tally, measured) = load::run(setup, called, processes, progress).await?;
    let report = Report::new(setup, processes)?;
    // Before the plugins end, so that the report shows nothing of their end.
    let report = report.with_calls(&tally, &measured).with_latencies(setup, &measured);
    connected.process.stop().await?;
    Ok(report)
}

/// The same, for the one limit that has no callers.
pub(super) async fn pipe(
    hub: &RawHub,
    setup: &Setup,
    progress: &Progress,
) -> Result<Report, Error> {
    let mut process = PluginProcess::start(&hub.address(), setup).await?;
    let processes = Processes::new(process.pid(), None);
    let ((), streams) = tokio::try_join!(process.dial(), hub.accept_streams(setup))?;
    let (tally, measured) = raw::run_pipe(setup, streams, &processes, progress).await?;
    let report = Report::new(setup, &processes)?;
    let report = report.with_calls(&tally, &measured).with_latencies(setup, &measured);
    process.stop().await?;
    Ok(report)
}
