//! A connection behind its lock, the inbox of calls beside it, and the waker of the task that drives it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use brpc_core::{CallError, Stage};
use brpc_proto::limits::IDLE_PLACES;
use brpc_proto::{Call, CallId, Connection};
use parking_lot::{Mutex, MutexGuard};

use crate::inbox::{Inbox, Submitted};
use crate::now;
use crate::slot::Slot;

/// A connection behind its lock, which is held for one look at it, never across an await, and never
/// while foreign code runs.
///
/// Its driver holds the lock while it takes messages apart and puts them together. Calls don't wait for
/// that: they are put down in the inbox, whose lock is held for no longer than to put one down or to
/// take all away. The connection's lock is taken first.
#[derive(Debug)]
pub struct Driven {
    state: Mutex<State>,
    inbox: Mutex<Inbox>,
}

#[derive(Debug)]
struct State {
    connection: Connection<Arc<Slot>>,
    /// What is taken out of the inbox; empty in between.
    batch: Vec<Submitted>,
}

impl Driven {
    /// Puts a connection behind a lock.
    pub fn new(connection: Connection<Arc<Slot>>) -> Self {
        let state = State { connection, batch: Vec::new() };
        Self { state: Mutex::new(state), inbox: Mutex::default() }
    }

    /// Takes the lock. The connection may not know yet of calls that were submitted before.
    pub fn lock(&self) -> Guard<'_> {
        Guard { driven: self, state: self.state.lock() }
    }

    /// Notes that the driver is awake; whether somebody woke it who gave it something to do, or it
    /// didn't sleep.
    pub(crate) fn note_awake(&self) -> bool {
        self.inbox.lock().driver.take().is_none()
    }

    /// Takes the lock for the driver, which is awake; and whether calls were submitted meanwhile, whose
    /// time begins now.
    pub(crate) fn drive(&self, now: impl FnOnce() -> Instant) -> (Guard<'_>, bool) {
        let mut guard = self.lock();
        self.inbox.lock().exchange(&mut guard.state.batch);
        let has_calls = guard.state.take_in(now);
        (guard, has_calls)
    }

    /// Takes the lock, and has the connection take in what was submitted before.
    pub fn lock_with_calls(&self) -> Guard<'_> {
        self.drive(now).0
    }

    /// Makes a call, with a copy of this input if it has none of its own, and wakes the driver if it
    /// sleeps. The connection gets to know of it with the next look at it, and the call's time begins
    /// then.
    ///
    /// # Errors
    /// If the connection is over, and nobody looks at it any more.
    pub(crate) fn submit(
        &self,
        call: Call,
        input: &[u8],
        slot: Arc<Slot>,
    ) -> Result<CallId, CallError> {
        let mut inbox = self.inbox.lock();
        let id = inbox.submit(call, input, slot)?;
        let driver = inbox.driver.take();
        drop(inbox);
        driver.into_iter().for_each(Waker::wake);
        Ok(id)
    }

    /// Gives a call up, if it is not over: how far it had come.
    pub fn cancel(&self, id: CallId) -> Option<Stage> {
        let mut connection = self.lock_with_calls();
        let (slot, stage) = connection.cancel(id)?;
        connection.unlock_and_wake();
        // Without the lock: a caller's waker may be dropped with it.
        drop(slot);
        Some(stage)
    }
}

impl State {
    /// Has the connection take in what was submitted; whether there was any. The clock is read once for
    /// all of it.
    fn take_in(&mut self, now: impl FnOnce() -> Instant) -> bool {
        let Self { connection, batch } = self;
        if batch.is_empty() {
            return false;
        }
        let now = now();
        for Submitted { id, call, slot } in batch.drain(..) {
            connection.submit_call(id, call, slot, now);
        }
        true
    }
}

/// The lock, held.
#[derive(Debug)]
pub struct Guard<'a> {
    driven: &'a Driven,
    state: MutexGuard<'a, State>,
}

impl Guard<'_> {
    /// Gives the lock back and wakes the driver if it sleeps.
    pub fn unlock_and_wake(self) {
        let Self { driven, state } = self;
        drop(state);
        let driver = driven.inbox.lock().driver.take();
        driver.into_iter().for_each(Waker::wake);
    }

    /// Notes whom to wake, unless something was submitted meanwhile; false then. Under the lock under
    /// which nothing was found to do, so that no command is missed that is given meanwhile. An idle
    /// connection gives back room that it doesn't need.
    pub(crate) fn park(&mut self, context: &Context<'_>, is_idle: bool) -> bool {
        if is_idle {
            let State { connection, batch } = &mut *self.state;
            connection.free_room();
            if batch.capacity() > IDLE_PLACES {
                *batch = Vec::new();
            }
        }
        let mut inbox = self.driven.inbox.lock();
        if !inbox.is_empty() {
            return false;
        }
        inbox.driver = Some(context.waker().clone());
        if is_idle {
            inbox.free_room();
        }
        true
    }

    /// Refuses calls from now on, if the connection is over and has nothing more to tell; whether it
    /// does. Nobody looks at it any more.
    pub(crate) fn close_inbox(&mut self) -> bool {
        match self.refusal() {
            Some(error) if !self.has_events() => self.driven.inbox.lock().close(error),
            _ => false,
        }
    }
}

impl Deref for Guard<'_> {
    type Target = Connection<Arc<Slot>>;

    fn deref(&self) -> &Connection<Arc<Slot>> {
        &self.state.connection
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Connection<Arc<Slot>> {
        &mut self.state.connection
    }
}
