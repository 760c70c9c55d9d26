//! Calls that are due on a fixed schedule, whatever happens to earlier ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_timerslack;
use tokio::sync::mpsc;

use super::{Measured, finish};
use crate::Error;
use crate::echo::Message;
use crate::flags::Setup;
use crate::latency::Recorder;
use crate::meter::Processes;
use crate::progress::Progress;
use crate::system::Plugin;
use crate::tally::Tally;

/// A call to be made.
#[derive(Debug)]
struct Due {
    at: Instant,
    /// Whether that is within the measured time.
    counts: bool,
}

/// Makes so many calls a second. The latencies are those of the calls that are due within the
/// measured time, however late they are answered; so a system that doesn't keep up can't hide it.
pub(super) async fn run<P: Plugin>(
    setup: &Setup,
    callers: Vec<(P, Message)>,
    rate: f64,
    tally: &Arc<Tally>,
    processes: &Processes,
    progress: &Progress,
) -> Result<Measured, Error> {
    let latencies = Arc::new(Recorder::new());
    let (mut callers_due, mut tasks) = (Vec::new(), Vec::new());
    for (plugin, message) in callers {
        // Holds the calls that the caller is behind with; the schedule and its end are the bound.
        let (sender, due) = mpsc::unbounded_channel();
        callers_due.push(sender);
        tasks.push(tokio::spawn(call(plugin, message, due, latencies.clone(), tally.clone())));
    }
    let pacer = {
        let tally = tally.clone();
        std::thread::Builder::new()
            .name("pacer".to_owned())
            .spawn(move || keep_pace(rate, &callers_due, &tally))?
    };
    let in_time = super::measure(setup, tally, processes, progress).await?;
    pacer.join().map_err(|_| "the pacer panicked")??;
    finish(tasks, tally).await;
    Ok(Measured { latencies: latencies.take(), ..in_time })
}

/// Tells the callers, in turn, when a call is due. A thread of its own, since the runtime's timer
/// counts in milliseconds.
fn keep_pace(
    rate: f64,
    callers: &[mpsc::UnboundedSender<Due>],
    tally: &Tally,
) -> Result<(), Error> {
    // How much later than asked for the system may wake this thread, in nanoseconds. By default it
    // is 50 µs, as much as some calls take.
    set_timerslack(1)?;
    let start = Instant::now();
    for (number, caller) in (0_u64..).zip(callers.iter().cycle()) {
        let at = start + time_of(number, rate);
        if let Some(early) = at.checked_duration_since(Instant::now()) {
            std::thread::sleep(early);
        }
        // A caller that is gone has panicked; awaiting its task reports that.
        let _ = caller.send(Due { at, counts: tally.is_measuring() });
        if tally.is_over() {
            break;
        }
    }
    Ok(())
}

/// When a call is due, after the start.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn time_of(number: u64, rate: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / rate)
}

/// Makes the calls that are due, one at a time and in their order.
async fn call<P: Plugin>(
    plugin: P,
    mut message: Message,
    mut due: mpsc::UnboundedReceiver<Due>,
    latencies: Arc<Recorder>,
    tally: Arc<Tally>,
) {
    super::call_first(&plugin, &message, &tally).await;
    while let Some(due) = due.recv().await {
        if tally.is_over() && !due.counts {
            continue;
        }
        message.id += 1;
        let answer = plugin.echo(&message).await;
        match answer.and_then(|answer| answer.check(&message)) {
            Ok(()) => {
                tally.count();
                if due.counts {
                    latencies.record(due.at.elapsed());
                }
            }
            Err(failure) => tally.failed(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_due_at_even_times() {
        assert_eq!(time_of(0, 20_000.0), Duration::ZERO);
        assert_eq!(time_of(1, 20_000.0), Duration::from_micros(50));
        assert_eq!(time_of(90_000, 20_000.0), Duration::from_millis(4_500));
    }
}
