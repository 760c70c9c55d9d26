//! The handlers that run beside their drivers.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio_util::task::TaskTracker;
/// As long as one lives, handlers may start.
pub use tokio_util::task::task_tracker::TaskTrackerToken as Hold;

/// The handlers of one connection or of several, for who waits until none of them runs. A cheap
/// clone that keeps nothing alive.
#[derive(Clone)]
pub struct Remaining {
    pub(super) tasks: TaskTracker,
    /// The connections that were lost, and whose handlers were to run on.
    lost: Arc<Mutex<Vec<Weak<dyn Cancel>>>>,
}

/// Handlers that can be cancelled.
pub(super) trait Cancel: Send + Sync {
    /// Cancels all of them.
    fn cancel_all(&self);
}

impl Remaining {
    /// No handlers yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a new one is not like any other")]
    pub fn new() -> Self {
        let tasks = TaskTracker::new();
        // Whoever may start handlers holds a token.
        tasks.close();
        Self { tasks, lost: Arc::default() }
    }

    /// As long as the token lives, it has not [`ended`](Self::ended).
    pub fn hold(&self) -> Hold {
        self.tasks.token()
    }

    /// These handlers run on without their connection; each of them keeps them alive.
    pub(super) fn run_on(&self, handlers: Weak<dyn Cancel>) {
        let mut lost = self.lost.lock();
        lost.retain(|handlers| handlers.strong_count() > 0);
        lost.push(handlers);
    }

    /// Cancels those that run on without their connection.
    pub fn cancel(&self) {
        let lost = std::mem::take(&mut *self.lost.lock());
        lost.iter().filter_map(Weak::upgrade).for_each(|handlers| handlers.cancel_all());
    }

    /// Returns when all connections are over and no handler runs.
    pub async fn ended(&self) {
        self.tasks.wait().await;
    }
}

impl fmt::Debug for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remaining").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}
