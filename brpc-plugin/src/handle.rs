//! Stopping a plugin from elsewhere.

use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use tokio::time::Instant;

/// Stops a plugin's run from elsewhere; made by [`Session::handle`](crate::Session::handle). A cheap
/// clone that keeps nothing alive.
#[derive(Clone)]
pub struct Handle {
    pub(crate) link: Weak<dyn Stop>,
}

/// What can be stopped.
pub(crate) trait Stop: Send + Sync {
    /// Leaves when all running calls are answered, or at this time.
    fn stop(&self, until: Option<Instant>);
}

impl Handle {
    /// Accepts no more calls, lets running ones finish, and ends the run. When the grace period is
    /// over, the run ends in any case, and calls that still run are dropped. A grace period of zero
    /// ends it at once.
    ///
    /// If the run has ended, this does nothing.
    pub fn stop(&self, grace: Duration) {
        if let Some(link) = self.link.upgrade() {
            // A grace period beyond the range of the clock is no limit.
            link.stop(Instant::now().checked_add(grace));
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_alive = self.link.strong_count() > 0;
        f.debug_struct("Handle").field("is_alive", &is_alive).finish()
    }
}
