//! Whether a hub serves.

use std::sync::Arc;

use brpc_rt::foreign::shielded;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::report::ShutdownReport;

/// Whether a hub serves, behind its lock.
#[derive(Debug, Default)]
pub(crate) struct Phase(Mutex<State>);

#[derive(Debug)]
enum State {
    /// It registers plugins. The token stops its listeners.
    Serving(CancellationToken),
    /// It waits for its plugins to leave.
    ShuttingDown(ShutdownRun),
    /// It has shut down, and can serve again.
    Stopped(Arc<ShutdownReport>),
}

impl Default for State {
    fn default() -> Self {
        Self::Serving(CancellationToken::new())
    }
}

/// Keeps the hub from shutting down while it is held.
pub(crate) struct Serving<'a>(#[expect(dead_code, reason = "held")] MutexGuard<'a, State>);

/// The state in which a shutdown finds the hub.
pub(crate) enum Stop {
    /// This begins the shutdown.
    Begun(ShutdownRun),
    /// Another shutdown has begun before.
    Joined(ShutdownRun),
    /// The hub has shut down.
    Done(Arc<ShutdownReport>),
}

impl Phase {
    /// Keeps the hub serving; `None` if it doesn't serve.
    pub(crate) fn hold_serving(&self) -> Option<Serving<'_>> {
        let state = self.0.lock();
        matches!(*state, State::Serving(_)).then(|| Serving(state))
    }

    /// Fires when the hub stops serving; `None` if it doesn't serve.
    pub(crate) fn serving(&self) -> Option<CancellationToken> {
        match &*self.0.lock() {
            State::Serving(stop) => Some(stop.clone()),
            State::ShuttingDown(_) | State::Stopped(_) => None,
        }
    }

    /// Whether the hub registers plugins.
    pub(crate) fn is_serving(&self) -> bool {
        matches!(*self.0.lock(), State::Serving(_))
    }

    /// Lets the hub serve; returns a token that fires when it stops. `None` while the hub shuts
    /// down. Calls `reopen`, with the lock held, if the hub had shut down before.
    pub(crate) fn start(&self, reopen: impl FnOnce()) -> Option<CancellationToken> {
        let mut state = self.0.lock();
        match &*state {
            State::Serving(stop) => Some(stop.clone()),
            State::ShuttingDown(_) => None,
            State::Stopped(_) => {
                let stop = CancellationToken::new();
                *state = State::Serving(stop.clone());
                reopen();
                Some(stop)
            }
        }
    }

    /// Begins a shutdown, or finds one begun or done.
    pub(crate) fn stop(&self) -> Stop {
        let mut state = self.0.lock();
        let stop = match &*state {
            State::Stopped(report) => return Stop::Done(report.clone()),
            State::ShuttingDown(run) => return Stop::Joined(run.clone()),
            State::Serving(stop) => stop.clone(),
        };
        let run = ShutdownRun { report: watch::Sender::new(None) };
        *state = State::ShuttingDown(run.clone());
        drop(state);
        // Without the lock: this wakes tasks of users.
        stop.cancel();
        Stop::Begun(run)
    }

    /// Ends a shutdown that has begun.
    pub(crate) fn finish(&self, report: Arc<ShutdownReport>) {
        *self.0.lock() = State::Stopped(report);
    }

    /// Stops at once. Plugins that are in their handshake are refused.
    pub(crate) fn abort(&self) {
        let before = std::mem::replace(&mut *self.0.lock(), State::Stopped(Arc::default()));
        if let State::Serving(stop) = before {
            stop.cancel();
        }
    }
}

/// A shutdown in progress.
#[derive(Clone, Debug)]
pub(crate) struct ShutdownRun {
    report: watch::Sender<Option<Arc<ShutdownReport>>>,
}

impl ShutdownRun {
    /// Ends it, and wakes all that wait for it.
    pub(crate) fn finish(&self, report: Arc<ShutdownReport>) {
        self.report.send_replace(Some(report));
    }

    /// Waits until it is over; returns its report.
    pub(crate) async fn finished(&self) -> Arc<ShutdownReport> {
        let mut report = self.report.subscribe();
        let report = shielded(report.wait_for(Option::is_some)).await;
        report.ok().and_then(|report| report.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Wake};

    use super::*;

    /// A task that looks at the hub when it is woken.
    #[derive(Default)]
    struct Looks {
        phase: Phase,
        has_seen: AtomicBool,
    }

    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            self.has_seen.store(self.phase.0.try_lock().is_some(), Ordering::SeqCst);
        }
    }

    #[test]
    fn nobody_is_woken_under_the_lock() {
        for end in [|phase: &Phase| drop(phase.stop()), Phase::abort] {
            let looks = Arc::new(Looks::default());
            let stop = looks.phase.serving().unwrap();
            let mut stopped = pin!(stop.cancelled());
            let waker = looks.clone().into();
            assert!(stopped.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            end(&looks.phase);
            assert!(looks.has_seen.load(Ordering::SeqCst));
        }
    }
}
