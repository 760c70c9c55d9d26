//! Plugins that are connected, and nothing else.

use std::time::{Duration, Instant};

use super::{Connected, broadcast};
use crate::Error;
use crate::flags::Setup;
use crate::progress::Progress;
use crate::report::{Memory, Report};
use crate::system::Hub;

pub(super) async fn run<H: Hub>(
    hub: H,
    setup: &Setup,
    progress: &Progress,
) -> Result<Report, Error> {
    /// How long memory that was needed to connect may take to be freed.
    const SETTLE: Duration = Duration::from_secs(2);
    let connected = Connected::new(hub, setup, progress).await?;
    progress.wait(SETTLE, |_| "letting memory settle".to_owned()).await;
    let (before, after) = (connected.memory, connected.processes.memory()?);
    // The hub of a system with a broker is the broker.
    let hub = after.broker.zip(before.broker).unwrap_or((after.caller, before.caller));
    let memory = Memory {
        hub_kib_per_plugin: growth(hub, setup),
        plugin_kib_per_plugin: growth((after.callee, before.callee), setup),
    };
    let at_rest = match setup.at_rest {
        None => None,
        Some(time) => {
            // Until nothing is left of the handshakes, and heartbeats are all there is.
            progress.wait(setup.warmup, |_| "letting plugins come to rest".to_owned()).await;
            let (cpu, start) = (connected.processes.cpu()?, Instant::now());
            progress.wait(time, |_| "measuring plugins that do nothing".to_owned()).await;
            Some(connected.processes.cpu()?.since(cpu).percent_of(start.elapsed()))
        }
    };
    let measured = match setup.broadcasts {
        None | Some(0) => None,
        Some(times) => Some(broadcast::measure(&connected, setup, times, progress).await?),
    };
    let mut report = Report::new(setup, &connected.processes)?;
    connected.process.stop().await?;
    report.connect = Some(connected.connect);
    report.memory = Some(memory);
    report.at_rest = at_rest;
    if let Some((tally, measured, broadcast)) = measured {
        report.broadcast = Some(broadcast);
        report = report.with_calls(&tally, &measured);
    }
    Ok(report)
}

/// By how much a process grew for each plugin.
#[expect(clippy::cast_precision_loss, reason = "no process has 2^52 KiB")]
fn growth((after, before): (u64, u64), setup: &Setup) -> f64 {
    (after as f64 - before as f64) / f64::from(setup.plugins())
}
