//! Where a caller waits for its call's end.

use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use brpc_core::{CallError, Stage};
use brpc_proto::{CallId, Settlement};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::Driven;

/// Where one caller waits. Shared by the caller, the connection that has the call, and those who
/// may cancel it.
#[derive(Debug, Default)]
pub struct Slot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How the call ended, once it has.
    ended: Option<Ended>,
    /// Set while the caller waits.
    caller: Option<Waker>,
    /// Where the call went, once it did.
    route: Option<(Weak<Driven>, CallId)>,
    /// Whether it was cancelled before it went anywhere.
    is_cancelled: bool,
}

/// How a call ended; small, because there are as many slots as calls.
#[derive(Debug)]
pub enum Ended {
    /// With an output, and nothing along.
    Output(Bytes),
    /// In any other way.
    Other(Box<Settlement>),
}

impl From<Settlement> for Ended {
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::Answered(Ok(output), along) if along.is_empty() => Self::Output(output),
            other => Self::Other(Box::new(other)),
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
    /// One whose caller waits already.
    pub fn waiting(context: &Context<'_>) -> Self {
        let caller = Some(context.waker().clone());
        Self(Mutex::new(State { caller, ..State::default() }))
    }

    /// Ends the call. It is done once; what is said later doesn't count.
    pub fn settle(self: Arc<Self>, settlement: Settlement) {
        let caller = {
            let mut state = self.0.lock();
            state.ended.get_or_insert_with(|| settlement.into());
            state.caller.take()
        };
        // So that the caller has it alone when it looks.
        drop(self);
        caller.into_iter().for_each(Waker::wake);
    }

    /// How the call ended, once it has.
    pub fn poll(self: &mut Arc<Self>, context: &Context<'_>) -> Poll<Ended> {
        // Whoever ended it has let go of it, unless there is a handle.
        if let Some(Self(state)) = Arc::get_mut(self)
            && let Some(ended) = state.get_mut().ended.take()
        {
            return Poll::Ready(ended);
        }
        let mut state = self.0.lock();
        if let Some(ended) = state.ended.take() {
            return Poll::Ready(ended);
        }
        state.wait(context);
        Poll::Pending
    }

    /// Has the caller woken when the call ends.
    pub fn wait(&self, context: &Context<'_>) {
        self.0.lock().wait(context);
    }

    /// Whether the call was cancelled before it was made.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().is_cancelled
    }

    /// Returns when it is cancelled; for a call that is on its way through middleware.
    pub fn poll_cancelled(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.is_cancelled {
            return Poll::Ready(());
        }
        state.wait(context);
        Poll::Pending
    }

    /// Notes where the call went; only calls with a cancel handle need it.
    pub(super) fn set_route(self: &Arc<Self>, link: Weak<Driven>, id: CallId) {
        let was_cancelled = {
            let mut state = self.0.lock();
            state.route = Some((link, id));
            state.is_cancelled
        };
        if was_cancelled {
            self.cancel();
        }
    }

    /// Gives the call up on behalf of its caller, who is told: how far it had come, if it was not over.
    pub fn cancel(self: &Arc<Self>) -> Option<Stage> {
        let (route, caller) = {
            let mut state = self.0.lock();
            state.is_cancelled = true;
            match state.route.clone() {
                Some(route) => (Some(route), None),
                None => (None, state.caller.take()),
            }
        };
        // Without a route the call is not made yet, or is being made at this moment, and whoever
        // makes it looks here afterwards; or it is on its way through middleware, and waits.
        caller.into_iter().for_each(Waker::wake);
        let (connection, id) = route?;
        let stage = connection.upgrade()?.cancel(id)?;
        self.clone().settle(Settlement::Ended(CallError::Cancelled { stage }));
        Some(stage)
    }
}
