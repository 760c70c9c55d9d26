//! Where a caller waits for the outcome of its call.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use brpc_proto::Settlement;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::budget::Charge;
use crate::foreign;
use crate::place::Place;

/// Where one caller waits. Shared by the caller and the connection that has the call.
#[derive(Debug, Default)]
pub struct Slot {
    state: Mutex<State>,
    /// Where the call is, if it may go on over another connection.
    place: Option<Box<Place>>,
}

#[derive(Debug, Default)]
struct State {
    /// How the call ended, once it has.
    ended: Option<Ended>,
    /// Set while the caller waits.
    caller: Option<Waker>,
    /// What the call is charged for; its outcome too, until that is taken.
    charge: Option<Charge>,
}

/// How a call ended; small, because there are as many slots as calls.
#[derive(Debug)]
pub enum Ended {
    /// With an output that has no metadata.
    Output(Bytes),
    /// In any other way.
    Other(Box<Settlement>),
}

impl From<Settlement> for Ended {
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::Answered(Ok(output), metadata) if metadata.is_empty() => {
                Self::Output(output)
            }
            other => Self::Other(Box::new(other)),
        }
    }
}

impl Ended {
    /// How many bytes it keeps.
    fn bytes(&self) -> usize {
        match self {
            Self::Output(output) => output.len(),
            Self::Other(settlement) => size_of::<Settlement>() + settlement.bytes(),
        }
    }
}

impl State {
    /// Takes the outcome; from now on it is the caller's.
    fn take(&mut self) -> Option<Ended> {
        let ended = self.ended.take()?;
        self.charge = None;
        Some(ended)
    }
}

impl Slot {
    /// A slot whose caller waits already.
    pub fn waiting(context: &Context<'_>) -> Self {
        let caller = Some(context.waker().clone());
        let state = Mutex::new(State { ended: None, caller, charge: None });
        Self { state, place: None }
    }

    /// Its call may go on over another connection.
    pub fn add_place(&mut self) {
        self.place = Some(Box::default());
    }

    /// Where the call is, if it may go on over another connection.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }

    /// The slot of a call that is charged for.
    #[must_use]
    #[inline]
    pub fn charged(mut self, charge: Charge) -> Self {
        self.state.get_mut().charge = Some(charge);
        self
    }

    /// Settles the call and wakes the caller. Only the first settlement counts.
    pub fn settle(self: Arc<Self>, settlement: Settlement) {
        let caller = {
            let mut state = self.state.lock();
            if state.ended.is_none() {
                let ended = Ended::from(settlement);
                if let Some(charge) = &mut state.charge {
                    charge.add(ended.bytes());
                }
                state.ended = Some(ended);
            }
            state.caller.take()
        };
        // Before the caller is woken, so that it has the slot alone when it polls.
        drop(self);
        foreign::wake(caller);
    }

    /// Forgets the caller, which waits no more, and the outcome that it doesn't take.
    pub(crate) fn forget_caller(&self) {
        let mut state = self.state.lock();
        let (caller, ended) = (state.caller.take(), state.take());
        state.charge = None;
        drop(state);
        // Code of others, like any waker.
        drop((caller, ended));
    }

    /// Returns how the call ended, once it has.
    pub(crate) fn poll(self: &mut Arc<Self>, context: &Context<'_>) -> Poll<Ended> {
        // Whoever settled the call has dropped its share of the slot; only a route can still have
        // one.
        if let Some(Self { state, .. }) = Arc::get_mut(self)
            && let Some(ended) = state.get_mut().take()
        {
            return Poll::Ready(ended);
        }
        let mut state = self.state.lock();
        if let Some(ended) = state.take() {
            return Poll::Ready(ended);
        }
        let is_known = state.caller.as_ref().is_some_and(|known| known.will_wake(context.waker()));
        let before = if is_known { None } else { state.caller.replace(context.waker().clone()) };
        drop(state);
        // Dropping a waker may run user code.
        drop(before);
        Poll::Pending
    }
}
