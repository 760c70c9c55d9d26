//! Making calls again, where that is safe and may help.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use brpc_core::caller::Target;
use brpc_core::{CallError, CallErrorKind, Metadata};
use brpc_rt::middleware::{Middleware, Next};
use tokio::time::{Instant, sleep};

use crate::outgoing::{Outcome, Outgoing};
use crate::plugin_ref::PluginRef;

/// A middleware that makes calls again:
/// - only if that is safe: the call [may be repeated](CallError::may_repeat), since the method never
///   ran, or the plugin declares it as idempotent;
/// - only if it may help: the plugin was away, it went, or a limit of calls was reached;
/// - within the call's own deadline, up to three times, after a random pause of at most 100 ms, then
///   200 ms and 400 ms, or a longer one that the refusing side asks for;
/// - within a budget: in any span of time there are at most a tenth as many further attempts as
///   calls, and ten. So a plugin that is overloaded isn't finished off by retries.
///
/// Each call gets the metadata `idempotency`, a random text that is the same for all its attempts,
/// unless it has one already or no room for it. A method that isn't idempotent by itself can become
/// so by keeping its answers by this text.
///
/// ```
/// use brpc_socket::Socket;
/// use brpc_socket::middleware::Retry;
///
/// let hub = Socket::builder().middleware(Retry::default()).build();
/// ```
///
/// Middleware that is added before it sees one call and its last outcome; middleware that is added
/// after it sees each attempt. Retry in one place only: three attempts of a gateway that makes three
/// are nine.
#[derive(Debug, Default)]
pub struct Retry {
    budget: Budget,
}

impl Middleware<Outgoing> for Retry {
    async fn handle(&self, mut call: Outgoing, next: Next<Outgoing>) -> Outcome {
        self.budget.earn();
        mark(&mut call.metadata);
        let deadline = call.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut longest = FIRST_PAUSE;
        for _ in 0..MOST_RETRIES {
            let outcome = next.clone().run(call.clone()).await;
            let Err(error) = &outcome else { return outcome };
            let Some(least) = pause(error, &call.plugin) else { return outcome };
            let over = Instant::now() + least.max(longest.mul_f64(random()));
            if deadline.is_some_and(|deadline| over >= deadline) || !self.budget.spend() {
                return outcome;
            }
            sleep(over.duration_since(Instant::now())).await;
            longest *= 2;
            call.timeout = deadline.map(|deadline| deadline.duration_since(Instant::now()));
        }
        next.run(call).await
    }
}

/// How often a call is made again at most.
const MOST_RETRIES: u32 = 3;

/// The longest pause before the first of these.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The key of the metadata that is the same for all attempts.
const KEY: &str = "idempotency";

/// Gives a call its text, unless it has one or has no room for it.
fn mark(metadata: &mut Metadata) {
    let mut random = [0; 16];
    if metadata.get(KEY).is_some() || getrandom::fill(&mut random).is_err() {
        return;
    }
    let text = random.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    metadata.push(KEY, text);
    if !metadata.is_sendable() {
        metadata.pop();
    }
}

/// How long to wait at least before the call is made again; `None` if that isn't safe, or can't help.
fn pause(error: &CallError, plugin: &Target<PluginRef>) -> Option<Duration> {
    // A connection that has ended doesn't come back.
    let may_come = matches!(plugin, Target::Name(_));
    let least = match error.kind() {
        CallErrorKind::Overloaded { retry_after, .. } => retry_after.unwrap_or_default(),
        CallErrorKind::NoPlugin { .. }
        | CallErrorKind::Draining
        | CallErrorKind::Disconnected { .. }
            if may_come =>
        {
            Duration::ZERO
        }
        _ => return None,
    };
    error.may_repeat().then_some(least)
}

/// From 0 to 1.
fn random() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

/// What may be spent on further attempts, in tenths of one: each call earns a tenth.
#[derive(Debug)]
struct Budget(AtomicU32);

/// What an attempt costs.
const PRICE: u32 = 10;

/// The most that can be saved up, so that a long time of success doesn't pay for a storm.
const SAVINGS: u32 = 10 * PRICE;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(SAVINGS))
    }
}

impl Budget {
    fn earn(&self) {
        let more = |saved| (saved < SAVINGS).then_some(saved + 1);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Pays for an attempt, if there is enough.
    fn spend(&self) -> bool {
        let less = |saved: u32| saved.checked_sub(PRICE);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_calls_and_ten_may_be_made_again() {
        let budget = Budget::default();
        let spend = |most: usize| (0..most).take_while(|_| budget.spend()).count();
        for _ in 0..1_000 {
            budget.earn();
        }
        assert_eq!(spend(1_000), 10, "no more is saved up");
        let mut again = 0;
        for _ in 0..1_000 {
            budget.earn();
            again += spend(3);
        }
        assert_eq!(again, 100);
    }

    #[test]
    fn a_call_has_one_text_or_none() {
        let mut metadata = Metadata::new();
        mark(&mut metadata);
        let text = metadata.get(KEY).unwrap().to_owned();
        assert_eq!(text.len(), 32);
        mark(&mut metadata);
        assert_eq!((metadata.len(), metadata.get(KEY)), (1, Some(&*text)));
        let mut full: Metadata = (0..64).map(|n| (n.to_string(), String::new())).collect();
        mark(&mut full);
        assert_eq!((full.len(), full.get(KEY)), (64, None));
    }
}
