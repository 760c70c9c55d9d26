//! Where a caller waits for its call's end.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use brpc_core::{CallError, CallId, Metadata, Settlement};
use bytes::Bytes;

use crate::link::PluginLink;

/// Where one caller waits. Shared by the caller, the connection that has the call, and those who
/// may cancel it.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How the call ended.
    outcome: Option<Outcome>,
    /// Set while the caller waits.
    caller: Option<Waker>,
    /// Where the call went, once it did.
    route: Option<(Weak<PluginLink>, CallId)>,
    /// Whether it was cancelled before it went anywhere.
    is_cancelled: bool,
}

/// How a call ended; small, because there are as many slots as calls.
#[derive(Debug)]
enum Outcome {
    Output(Bytes),
    Other(Box<Settlement>),
}

impl From<Settlement> for Outcome {
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::Answered(Ok(output), along) if along.is_empty() => Self::Output(output),
            other => Self::Other(Box::new(other)),
        }
    }
}

impl From<Outcome> for Settlement {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Output(output) => Self::Answered(Ok(output), Metadata::new()),
            Outcome::Other(settlement) => *settlement,
        }
    }
}

impl State {
    /// Has the caller woken.
    fn wait(&mut self, context: &Context<'_>) {
        match &mut self.caller {
            Some(caller) => caller.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the call. It is done once; what is said later doesn't count.
    pub(crate) fn settle(&self, settlement: Settlement) {
        let caller = {
            let mut state = self.lock();
            state.outcome.get_or_insert_with(|| settlement.into());
            state.caller.take()
        };
        caller.into_iter().for_each(Waker::wake);
    }

    /// How the call ended, once it has.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Settlement> {
        let mut state = self.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome.into());
        }
        state.wait(context);
        Poll::Pending
    }

    /// Whether the call was cancelled before it was made.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.lock().is_cancelled
    }

    /// Returns when it is cancelled; for a call that is on its way through middleware.
    pub(crate) fn poll_cancelled(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.is_cancelled {
            return Poll::Ready(());
        }
        state.wait(context);
        Poll::Pending
    }

    /// Notes where the call went; only calls with a cancel handle need it.
    pub(crate) fn set_route(&self, link: Weak<PluginLink>, id: CallId) {
        let was_cancelled = {
            let mut state = self.lock();
            state.route = Some((link, id));
            state.is_cancelled
        };
        if was_cancelled {
            self.cancel();
        }
    }

    /// Gives the call up on behalf of its caller, who is told.
    pub(crate) fn cancel(&self) {
        let (route, caller) = {
            let mut state = self.lock();
            state.is_cancelled = true;
            match state.route.clone() {
                Some(route) => (Some(route), None),
                None => (None, state.caller.take()),
            }
        };
        // Without a route the call is not made yet, or is being made at this moment, and whoever
        // makes it looks here afterwards; or it is on its way through middleware, and waits.
        caller.into_iter().for_each(Waker::wake);
        let Some((link, id)) = route else { return };
        if let Some(stage) = link.upgrade().and_then(|link| link.cancel(id)) {
            self.settle(Settlement::Ended(CallError::Cancelled { stage }));
        }
    }
}
