//! Cancels a call from elsewhere than where its outcome is awaited.

use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use brpc_core::{CallErrorKind, Stage};
use brpc_proto::{CallId, Settlement};
use parking_lot::Mutex;

use crate::foreign;
use crate::shared::SharedConnection;
use crate::slot::Slot;

/// The way to a submitted call, for cancelling it.
#[derive(Clone, Debug)]
pub struct Route {
    pub(super) connection: Weak<SharedConnection>,
    pub(super) id: CallId,
    pub(super) slot: Arc<Slot>,
}

impl Route {
    /// Cancels the call, unless it is settled; returns the stage that it had reached. Its caller
    /// gets [`CallErrorKind::Cancelled`].
    pub fn cancel(self) -> Option<Stage> {
        let stage = match self.slot.place() {
            None => self.connection.upgrade()?.cancel(self.id)?,
            Some(place) => place.cancel()?,
        };
        self.slot.settle(Settlement::Ended(CallErrorKind::Cancelled { stage }));
        Some(stage)
    }
}

/// Cancels one call, before or after it is submitted.
#[derive(Debug, Default)]
pub struct Canceller(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_cancelled: bool,
    /// Set when the call is submitted.
    route: Option<Route>,
    /// Set while the caller waits without a route: its call passes middleware.
    caller: Option<Waker>,
}

impl Canceller {
    /// Cancels the call. If it isn't submitted yet, it won't be.
    pub fn cancel(&self) {
        let (route, caller) = {
            let mut state = self.0.lock();
            state.is_cancelled = true;
            (state.route.take(), state.caller.take())
        };
        foreign::wake(caller);
        route.and_then(Route::cancel);
    }

    /// Whether the call was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().is_cancelled
    }

    /// Sets the way to the call. If the call was cancelled while it was being submitted, it is
    /// cancelled now.
    pub fn set_route(&self, route: Route) {
        let cancelled = {
            let mut state = self.0.lock();
            if state.is_cancelled {
                Some(route)
            } else {
                state.route = Some(route);
                None
            }
        };
        cancelled.and_then(Route::cancel);
    }

    /// Returns when the call is cancelled.
    pub fn poll_cancelled(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.is_cancelled {
            return Poll::Ready(());
        }
        let before = state.caller.replace(context.waker().clone());
        drop(state);
        // Dropping a waker may run user code.
        drop(before);
        Poll::Pending
    }
}
