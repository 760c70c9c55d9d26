//! Load: callers, and the time over which they are measured.

mod closed;
mod paced;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinHandle;

use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::Setup;
use crate::latency::nanoseconds;
use crate::meter::{Each, Processes};
use crate::progress::Progress;
use crate::system::{PATIENCE, Plugin};
use crate::tally::Tally;

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    /// How long it took.
    pub(crate) time: Duration,
    /// Calls that were answered in it, or events that were read.
    pub(crate) calls: u64,
    /// Their latencies, in nanoseconds.
    pub(crate) latencies: Histogram<u64>,
    /// CPU time used meanwhile.
    pub(crate) cpu: Each<Duration>,
}

/// Calls these plugins, with `inflight` callers each, and measures the calls.
pub(crate) async fn run<P: Plugin>(
    setup: &Setup,
    plugins: &[P],
    processes: &Processes,
    progress: &Progress,
) -> Result<(Arc<Tally>, Measured), Error> {
    let tally = Arc::new(Tally::new());
    let callers = callers(setup, plugins);
    let measured = match setup.rate {
        None => {
            let callers = callers.into_iter();
            let tasks = callers.map(|(plugin, message)| {
                tokio::spawn(closed::call(plugin, message, tally.clone()))
            });
            let tasks = tasks.collect();
            let measured = measure(setup, &tally, processes, progress).await?;
            finish(tasks, &tally).await;
            measured
        }
        Some(rate) => paced::run(setup, callers, rate, &tally, processes, progress).await?,
    };
    Ok((tally, measured))
}

/// Warms up, measures callers that already run, and stops them.
pub(crate) async fn measure(
    setup: &Setup,
    tally: &Tally,
    processes: &Processes,
    progress: &Progress,
) -> Result<Measured, Error> {
    progress.wait(setup.warmup, |_| "warming up".to_owned()).await;
    let cpu = processes.cpu()?;
    let start = Instant::now();
    tally.start();
    let of = setup.seconds.as_secs_f64();
    let text = |passed: Duration| {
        let passed = passed.as_secs_f64();
        let (answered, errors) = (tally.counted(), tally.errors() + tally.mismatches());
        format!("{passed:.0} of {of} s, {:.0} a second, {errors} errors", per(answered, passed))
    };
    progress.wait(setup.seconds, text).await;
    tally.stop();
    let time = start.elapsed();
    let cpu = processes.cpu()?.since(cpu);
    Ok(Measured { time, calls: tally.counted(), latencies: tally.latencies.take(), cpu })
}

/// Waits for stopped callers. A call that isn't answered is an error.
pub(crate) async fn finish(callers: Vec<JoinHandle<()>>, tally: &Tally) {
    let until = tokio::time::Instant::now() + PATIENCE;
    for mut caller in callers {
        match tokio::time::timeout_at(until, &mut caller).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tally.failed(Failure::of(&error)),
            Err(_) => {
                caller.abort();
                let late = format!("a caller still waited {PATIENCE:?} after the end");
                tally.failed(Failure::Failed(late));
            }
        }
    }
}

impl Measured {
    pub(crate) fn calls_per_second(&self) -> f64 {
        per(self.calls, self.time.as_secs_f64())
    }

    /// The latencies as they would be if every caller had made its calls at even times, whatever
    /// happened to the last one. Only closed loops need it: a slow call keeps its caller from
    /// making the calls that would have been slow with it.
    pub(crate) fn corrected(&self, callers: u64) -> Histogram<u64> {
        // By how much the calls of one caller lie apart, on average.
        let interval = nanoseconds(self.time) * callers / self.calls.max(1);
        self.latencies.clone_correct(interval.max(1))
    }
}

/// A plugin to call and the first of the messages, for each caller. No two messages have the same
/// number, so that an answer to another caller is noticed.
fn callers<P: Plugin>(setup: &Setup, plugins: &[P]) -> Vec<(P, Message)> {
    let inflight = setup.inflight as usize;
    let plugins = plugins.iter().flat_map(|plugin| std::iter::repeat_n(plugin, inflight));
    let numbered = plugins.zip(0_u64..);
    numbered
        .map(|(plugin, caller)| (plugin.clone(), Message::new(caller << 32, setup.payload)))
        .collect()
}

/// Calls a plugin for the first time.
async fn call_first(plugin: &impl Plugin, message: &Message, tally: &Tally) {
    let answer = plugin.echo(message).await;
    if let Err(failure) = answer.and_then(|answer| answer.check_in_full(message)) {
        tally.failed(failure);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) fn per(count: u64, of: f64) -> f64 {
    count as f64 / of
}
