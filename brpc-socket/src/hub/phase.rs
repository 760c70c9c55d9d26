//! Whether a hub serves.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::report::ShutdownReport;

/// Whether a hub serves, behind its lock.
#[derive(Debug, Default)]
pub(crate) struct Phase(Mutex<State>);

#[derive(Debug)]
enum State {
    /// It lets plugins in. The token stops its listeners.
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

/// What an attempt to shut down finds.
pub(crate) enum Stop {
    /// It begins.
    Begun(ShutdownRun),
    /// It has begun before.
    Joined(ShutdownRun),
    /// It is done.
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

    /// Whether the hub lets plugins in.
    pub(crate) fn is_serving(&self) -> bool {
        matches!(*self.0.lock(), State::Serving(_))
    }

    /// Serves; what fires when the hub stops serving. `None` while the hub shuts down. `reopen` is
    /// called, with the lock held, if the hub had shut down before.
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

    /// Begins to shut down, or finds it begun or done.
    pub(crate) fn stop(&self) -> Stop {
        let mut state = self.0.lock();
        match &*state {
            State::Stopped(report) => Stop::Done(report.clone()),
            State::ShuttingDown(run) => Stop::Joined(run.clone()),
            State::Serving(stop) => {
                stop.cancel();
                let run = ShutdownRun { report: watch::Sender::new(None) };
                *state = State::ShuttingDown(run.clone());
                Stop::Begun(run)
            }
        }
    }

    /// Ends a shutdown that has begun.
    pub(crate) fn finish(&self, report: Arc<ShutdownReport>) {
        *self.0.lock() = State::Stopped(report);
    }

    /// Stops at once. Whoever is in the handshake at this moment is refused.
    pub(crate) fn abort(&self) {
        let before = std::mem::replace(&mut *self.0.lock(), State::Stopped(Arc::default()));
        if let State::Serving(stop) = before {
            stop.cancel();
        }
    }
}

/// A shutdown that goes on.
#[derive(Clone, Debug)]
pub(crate) struct ShutdownRun {
    report: watch::Sender<Option<Arc<ShutdownReport>>>,
}

impl ShutdownRun {
    /// Ends it, for all who wait.
    pub(crate) fn finish(&self, report: Arc<ShutdownReport>) {
        self.report.send_replace(Some(report));
    }

    /// How it went; waits until it is over.
    pub(crate) async fn finished(&self) -> Arc<ShutdownReport> {
        let mut report = self.report.subscribe();
        let report = report.wait_for(Option::is_some).await;
        report.ok().and_then(|report| report.clone()).unwrap_or_default()
    }
}
