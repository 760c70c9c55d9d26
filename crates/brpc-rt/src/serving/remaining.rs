//! The handlers that run beside their drivers.

use tokio_util::task::TaskTracker;
/// As long as one lives, handlers may start.
pub use tokio_util::task::task_tracker::TaskTrackerToken as Hold;

/// The handlers of one connection or of several, for who waits until none of them runs. A cheap
/// clone that keeps nothing alive.
#[derive(Clone, Debug)]
pub struct Remaining(pub(super) TaskTracker);

impl Remaining {
    /// No handlers yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a new one is not like any other")]
    pub fn new() -> Self {
        let tasks = TaskTracker::new();
        // Whoever may start handlers holds a token.
        tasks.close();
        Self(tasks)
    }

    /// As long as the token lives, it has not [`ended`](Self::ended).
    pub fn hold(&self) -> Hold {
        self.0.token()
    }

    /// How many handlers run beside their drivers, of all connections.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns when all connections are over and no handler runs.
    pub async fn ended(&self) {
        self.0.wait().await;
    }
}
