use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use brpc::{ConnectError, EndReason, Receiver, Session};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Keeps a plugin connected until it is told to stop, or it makes no sense to try again.
pub async fn stay<R, F>(
    dial: impl Fn() -> F,
    stop: CancellationToken,
) -> Result<EndReason, ConnectError>
where
    R: Receiver,
    F: Future<Output = Result<Session<R>, ConnectError>>,
{
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(60);
    let mut wait = LEAST;
    loop {
        // The system may try for minutes to reach a host that doesn't answer.
        let dialled = tokio::select! {
            dialled = timeout(Duration::from_secs(10), dial()) => dialled,
            () = stop.cancelled() => return Ok(EndReason::Stopped),
        };
        let at_least = match dialled.unwrap_or(Err(ConnectError::TimedOut)) {
            Ok(session) => {
                let begin = Instant::now();
                let reason = session.run_until(stop.cancelled(), Duration::from_secs(5)).await;
                if stop.is_cancelled() {
                    return Ok(reason);
                }
                if begin.elapsed() > MOST {
                    wait = LEAST;
                }
                match reason {
                    EndReason::Unplugged { retry_after: Some(after), .. } => after,
                    EndReason::Unplugged { .. } => return Ok(reason),
                    _ => Duration::ZERO,
                }
            }
            Err(error) if !error.is_transient() => return Err(error),
            Err(ConnectError::Refused(refusal)) => refusal.retry_after.unwrap_or_default(),
            Err(_) => Duration::ZERO,
        };
        tokio::select! {
            () = sleep(at_least + random_up_to(wait)) => wait = MOST.min(2 * wait),
            () = stop.cancelled() => return Ok(EndReason::Stopped),
        }
    }
}

/// Any source of random numbers will do; this one is in `std`.
fn random_up_to(most: Duration) -> Duration {
    most.mul_f64(RandomState::new().hash_one(()) as f64 / u64::MAX as f64)
}
