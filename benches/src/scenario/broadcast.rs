//! One call to all plugins at once.

use std::time::{Duration, Instant};

use super::Connected;
use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::Setup;
use crate::latency;
use crate::load::Measured;
use crate::progress::Progress;
use crate::report::{Broadcast, Report};
use crate::system::Hub;
use crate::tally::Tally;

pub(super) async fn run<H: Hub>(
    hub: H,
    setup: &Setup,
    progress: &Progress,
) -> Result<Report, Error> {
    const BROADCASTS: u32 = 20;
    let connected = Connected::new(hub, setup, progress).await?;
    let broadcasts = setup.broadcasts.unwrap_or(BROADCASTS);
    let (tally, measured, broadcast) = measure(&connected, setup, broadcasts, progress).await?;
    let mut report = Report::new(setup, &connected.processes)?.with_calls(&tally, &measured);
    connected.process.stop().await?;
    report.connect = Some(connected.connect);
    report.broadcast = Some(broadcast);
    Ok(report)
}

/// Calls all plugins, again and again; returns the times of all the calls together, and of each.
pub(super) async fn measure<H: Hub>(
    connected: &Connected<H>,
    setup: &Setup,
    broadcasts: u32,
    progress: &Progress,
) -> Result<(Tally, Measured, Broadcast), Error> {
    let Connected { hub, plugins, processes, .. } = connected;
    let tally = Tally::new();
    let mut message = Message::new(0, setup.payload);
    let mut call_all = async || {
        message.id += 1;
        let start = Instant::now();
        let right = hub.broadcast(plugins, &message).await;
        let time = start.elapsed();
        if right < plugins.len() {
            let error = format!("{right} of {} answers are there and right", plugins.len());
            tally.failed(Failure::Failed(error));
        }
        (time, right as u64)
    };
    // The first one finds cold caches and buffers that have yet to grow.
    call_all().await;
    let (cpu, start) = (processes.cpu()?, Instant::now());
    let (mut times, mut calls) = (Vec::new(), 0);
    for number in 1..=broadcasts {
        let (time, right) = call_all().await;
        times.push(time);
        calls += right;
        progress.say(&format!("{number} of {broadcasts} broadcasts"));
    }
    let (time, cpu) = (start.elapsed(), processes.cpu()?.since(cpu));
    let measured = Measured { time, calls, latencies: latency::histogram(), cpu };
    Ok((tally, measured, summary(times)?))
}

fn summary(mut times: Vec<Duration>) -> Result<Broadcast, Error> {
    times.sort_unstable();
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    match (times.first(), times.get(times.len() / 2), times.last()) {
        (Some(min), Some(median), Some(max)) => Ok(Broadcast {
            broadcasts: times.len(),
            median_ms: ms(median),
            min_ms: ms(min),
            max_ms: ms(max),
        }),
        _ => Err("no broadcast to measure".into()),
    }
}
