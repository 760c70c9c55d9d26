//! Calls to a plugin in Go, by the project's hub and by one in Go.

use std::time::Duration;

use crate::Error;
use crate::flags::Setup;
use crate::latency;
use crate::load::{self, Measured};
use crate::meter::Processes;
use crate::progress::Progress;
use crate::report::Report;
use crate::system::brpc::BrpcHub;
use crate::system::go::{GoHub, Programs};
use crate::system::{Hub as _, PATIENCE};
use crate::tally::Tally;

pub(super) async fn called_by_brpc(setup: &Setup, progress: &Progress) -> Result<Report, Error> {
    of_one_plugin(setup)?;
    let programs = Programs::build().await?;
    let mut hub = BrpcHub::serve(setup)?;
    let process = programs.plugin(&hub.address(), setup).await?;
    let accepted = tokio::time::timeout(PATIENCE, hub.accept(setup)).await;
    let plugins = accepted.map_err(|_| "the plugin in Go was not let in")??;
    let processes = Processes::new(process.pid(), None);
    let (tally, measured) = load::run(setup, &plugins, &processes, progress).await?;
    let report = Report::new(setup, &processes)?;
    let report = report.with_calls(&tally, &measured).with_latencies(setup, &measured);
    process.stop().await?;
    Ok(report)
}

/// The hub measures everything but the CPU time.
pub(super) async fn called_by_go(setup: &Setup, progress: &Progress) -> Result<Report, Error> {
    of_one_plugin(setup)?;
    if setup.rate.is_some() {
        return Err("the hub in Go has no schedule; leave out `--rate`".into());
    }
    let programs = Programs::build().await?;
    let mut hub = GoHub::start(&programs).await?;
    let process = programs.plugin(hub.address(), setup).await?;
    hub.wait(PATIENCE).await?;
    let processes = Processes::new(process.pid(), None).with_hub(hub.pid());
    let tally = Tally::new();
    progress.say("warming up");
    hub.load(setup, setup.warmup).await?.tell(&tally);
    progress.say("measuring");
    let cpu = processes.cpu()?;
    let load = hub.load(setup, setup.seconds).await?;
    let cpu = processes.cpu()?.since(cpu);
    load.tell(&tally);
    let measured = Measured {
        time: Duration::try_from_secs_f64(load.seconds)?,
        calls: load.calls,
        latencies: latency::histogram(),
        cpu,
    };
    let mut report = Report::new(setup, &processes)?.with_calls(&tally, &measured);
    report.latency_us = load.latency_us;
    process.stop().await?;
    hub.stop().await?;
    Ok(report)
}

fn of_one_plugin(setup: &Setup) -> Result<(), Error> {
    if setup.plugins() == 1 {
        return Ok(());
    }
    Err("one plugin in Go is called; ask for one connection, and none idle".into())
}
