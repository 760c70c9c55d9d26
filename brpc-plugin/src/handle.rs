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
    /// Leaves when what runs has ended, or at this time.
    fn stop(&self, until: Option<Instant>);
}

impl Handle {
    /// Takes no more calls, lets those that run finish, and ends the run; after the grace it ends
    /// all the same, and those that still run are dropped. A grace of zero ends it at once.
    ///
    /// Stopping what has ended does nothing.
    pub fn stop(&self, grace: Duration) {
        if let Some(link) = self.link.upgrade() {
            // A grace beyond all clocks is no limit.
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
