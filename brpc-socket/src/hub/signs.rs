//! Signs of life that a plugin was asked for.

use std::sync::OnceLock;
use std::time::Duration;

use brpc_rt::foreign::shielded;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// The signs of life of one plugin. Few plugins are ever asked, so there is nothing before that.
#[derive(Debug, Default)]
pub(crate) struct Signs(OnceLock<watch::Sender<Last>>);

/// When it was asked last, and when it gave a sign last.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    asked: Option<Instant>,
    given: Option<Instant>,
}

/// How long a plugin has for a sign of life.
const PATIENCE: Duration = Duration::from_secs(2);

/// For so long a sign of life counts, and nobody is asked again, however many others ask for its
/// name: its side takes only so many heartbeats.
const FRESH: Duration = Duration::from_secs(1);

impl Signs {
    /// Notes a sign of life.
    pub(crate) fn note(&self) {
        if let Some(last) = self.0.get() {
            last.send_modify(|last| last.given = Some(Instant::now()));
        }
    }

    /// Whether there is a sign of life just now, or is one soon. `ask` asks for it, or knows the
    /// answer.
    pub(crate) async fn wait(&self, ask: impl FnOnce() -> Option<bool>) -> bool {
        let last = self.0.get_or_init(|| watch::Sender::new(Last::default()));
        let mut signs = last.subscribe();
        let begin = Instant::now();
        let is_fresh = |at: Option<Instant>| at.is_some_and(|at| at + FRESH > begin);
        if is_fresh(signs.borrow_and_update().given) {
            return true;
        }
        // Whoever asks notes it in the same step, so that nobody else does.
        let is_to_ask = last.send_if_modified(|last| {
            let is_to_ask = !is_fresh(last.asked);
            if is_to_ask {
                last.asked = Some(begin);
            }
            is_to_ask
        });
        if is_to_ask && let Some(answer) = ask() {
            return answer;
        }
        let given = signs.wait_for(|last| last.given.is_some_and(|at| at >= begin));
        tokio::select! {
            biased;
            given = shielded(given) => given.is_ok(),
            () = silence() => false,
        }
    }
}

/// Two pauses, since this side may have been stopped itself: then the first one is over when it
/// goes on, and in the second one it reads what has arrived meanwhile.
async fn silence() {
    sleep(PATIENCE / 2).await;
    sleep(PATIENCE / 2).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_is_not_dead_because_this_side_was_stopped() {
        for stopped in [0, 60] {
            let signs = Arc::new(Signs::default());
            let waiting = signs.clone();
            let waiting = tokio::spawn(async move { waiting.wait(|| None).await });
            tokio::task::yield_now().await;
            advance(Duration::from_secs(stopped)).await;
            // What has arrived is read late.
            sleep(Duration::from_millis(900)).await;
            signs.note();
            assert!(waiting.await.unwrap(), "{stopped} s");
        }
    }
}
