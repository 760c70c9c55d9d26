//! Notices methods that hold up their connection.

use std::time::Duration;

use tokio::time::Instant;

/// Times what runs in place, in one go of the driver: nothing else of the connection runs meanwhile.
///
/// The clock is read once for each method, when it starts; that also ends the one before.
#[derive(Debug)]
pub struct InPlace {
    /// A method that takes so long is named in a warning.
    patience: Option<Duration>,
    /// The method that was started last, and when.
    last: Option<(&'static str, Instant)>,
}

impl InPlace {
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self { patience, last: None }
    }

    /// A method starts. Returns the time.
    pub(super) fn start(&mut self, method: &'static str) -> Instant {
        let now = Instant::now();
        self.note_end(now);
        self.last = Some((method, now));
        now
    }

    /// Nothing runs in place any more.
    pub fn end(mut self) {
        if self.last.is_some() {
            self.note_end(Instant::now());
        }
    }

    fn note_end(&mut self, now: Instant) {
        let Some((method, began)) = self.last.take() else { return };
        let took = now.saturating_duration_since(began);
        if self.patience.is_some_and(|patience| took >= patience) {
            tracing::warn!(
                // That of the crate which users know.
                target: "brpc_plugin",
                method,
                ?took,
                "a method held up its connection: it ran so long without an `await` that waits; \
                 mark it `blocking`, or let a thread do that part"
            );
        }
    }
}
