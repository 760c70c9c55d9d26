//! Stopping a plugin from elsewhere, and waiting for what outlives its run.

use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use brpc_rt::foreign::shielded;
use brpc_rt::serving::Remaining;
use tokio::sync::watch;
use tokio::time::Instant;

/// Stops a plugin's run from elsewhere, and waits for the handlers that outlive it; made by
/// [`Session::handle`](crate::Session::handle) and [`Run::handle`](crate::Run::handle). A cheap clone
/// that keeps nothing alive.
#[derive(Clone)]
pub struct Handle {
    pub(crate) link: Weak<dyn Stop>,
    pub(crate) remaining: Remaining,
}

/// What can be stopped.
pub(crate) trait Stop: Send + Sync {
    /// Leaves when all running calls are answered, or at this time.
    fn stop(&self, until: StopAt);
}

/// When to stop the handlers; `None` if never.
pub(crate) type StopAt = Option<Instant>;

/// Whether something is to stop, and when it stops its handlers.
pub(crate) struct Stopping(watch::Sender<Option<StopAt>>);

impl Stopping {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// When the handlers are stopped; `None` if it isn't to stop.
    pub(crate) fn at(&self) -> Option<StopAt> {
        *self.0.borrow()
    }

    /// It is to stop. If it was told so before, the earlier time counts.
    pub(crate) fn stop(&self, until: StopAt) {
        let earlier =
            |before: Option<StopAt>| [before.flatten(), until].into_iter().flatten().min();
        self.0.send_modify(|stop| *stop = Some(earlier(*stop)));
    }

    /// Returns when it is to stop.
    pub(crate) async fn begun(&self) {
        // The sender is a field of this.
        let _ = shielded(self.0.subscribe().wait_for(Option::is_some)).await;
    }

    /// Returns when the handlers are to be stopped.
    pub(crate) async fn cut_off(&self) {
        let mut stop = self.0.subscribe();
        loop {
            let until = *stop.borrow_and_update();
            tokio::select! {
                () = sleep_until(until.flatten()) => return,
                // The sender is a field of this.
                _ = stop.changed() => {}
            }
        }
    }
}

/// Waits until this time; for ever if there is none.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Handle {
    /// Accepts no more calls, lets running ones finish, and ends the run. When the grace period is
    /// over, the run ends in any case, and calls that still run are dropped. A grace period of zero
    /// ends it at once.
    ///
    /// A [`Run`](crate::Run) makes no further attempt to connect, unless it is not connected and handlers
    /// of resumable calls run on, or their answers are held: then it dials on within the grace period, to
    /// finish them. It ends as soon as no handler of its earlier connections runs on, or else with the
    /// grace period, at whose end these are cancelled. If the run has ended, this does nothing.
    pub fn stop(&self, grace: Duration) {
        if let Some(link) = self.link.upgrade() {
            // A grace period beyond the range of the clock is no limit.
            link.stop(Instant::now().checked_add(grace));
        }
    }
}

impl Handle {
    /// Returns when the run has ended and none of its handlers runs any more.
    ///
    /// A run ends with its connection. A method marked `no_cancel`, or a blocking one, may run on
    /// for as long as it takes. A program that ends sooner cuts it short, so it waits here, for as
    /// long as it can:
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example<R: brpc_plugin::Receiver>(session: brpc_plugin::Session<R>) {
    /// let handle = session.handle();
    /// let reason = session.run().await;
    /// let _ = tokio::time::timeout(Duration::from_secs(60), handle.finished()).await;
    /// println!("ended: {reason}");
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// It can be dropped and called again at any time.
    pub async fn finished(&self) {
        self.remaining.ended().await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_alive = self.link.strong_count() > 0;
        f.debug_struct("Handle").field("is_alive", &is_alive).finish_non_exhaustive()
    }
}
