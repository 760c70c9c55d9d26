//! A connection behind its lock, with an inbox of calls and the waker of its driver.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use brpc_core::{CallErrorKind, Stage};
use brpc_proto::limits::IDLE_PLACES;
use brpc_proto::{Call, CallId, Connection};
use parking_lot::{Mutex, MutexGuard};

use crate::inbox::{Inbox, Submitted};
use crate::now;
use crate::slot::Slot;

/// A connection behind its lock. The lock is held while the connection takes input and gives
/// output, never across an await, and never while user code runs.
///
/// The driver holds the lock while it decodes and encodes messages. Calls don't wait for that:
/// callers put them into the inbox, which has its own lock, held only to add one call or to take
/// all. The connection's lock is taken before the inbox's.
#[derive(Debug)]
pub struct SharedConnection {
    state: Mutex<State>,
    inbox: Mutex<Inbox>,
}

#[derive(Debug)]
struct State {
    connection: Connection<Arc<Slot>>,
    /// Calls on their way from the inbox to the connection; empty while the lock is free.
    batch: Vec<Submitted>,
    /// Whether the driver may be parked: it has been, and has not begun a turn since.
    is_parked: bool,
}

impl SharedConnection {
    /// Puts a connection behind a lock.
    pub fn new(connection: Connection<Arc<Slot>>) -> Self {
        let state = State { connection, batch: Vec::new(), is_parked: false };
        Self { state: Mutex::new(state), inbox: Mutex::default() }
    }

    /// Takes the lock. Calls that were submitted before may still be in the inbox.
    #[inline]
    pub fn lock(&self) -> Guard<'_> {
        Guard { shared: self, state: self.state.lock() }
    }

    /// Notes that the driver is awake. True if a command woke it, or if it wasn't parked.
    pub(crate) fn note_awake(&self) -> bool {
        let driver = self.inbox.lock().driver.take();
        // Dropped without the lock, like any waker.
        driver.is_none()
    }

    /// Whether the driver is parked, and nobody has woken it since.
    #[cfg(not(brpc_races))]
    pub(crate) fn has_parked(&self) -> bool {
        self.inbox.lock().driver.is_some()
    }

    /// Begins a turn of the driver: takes the lock, and passes the submitted calls to the connection.
    /// Returns also whether there were any.
    pub(crate) fn begin_turn(&self, now: impl FnOnce() -> Instant) -> (Guard<'_>, bool) {
        let (mut guard, has_calls) = self.take_in(now);
        guard.state.is_parked = false;
        (guard, has_calls)
    }

    /// Takes the lock, and passes the submitted calls to the connection.
    pub fn lock_with_calls(&self) -> Guard<'_> {
        self.take_in(now).0
    }

    /// The timeouts of the calls begin now.
    fn take_in(&self, now: impl FnOnce() -> Instant) -> (Guard<'_>, bool) {
        let mut guard = self.lock();
        self.inbox.lock().exchange(&mut guard.state.batch);
        let has_calls = guard.state.take_in(now);
        (guard, has_calls)
    }

    /// Submits a call, and wakes the driver if it is parked. A non-empty `input` is copied into the
    /// call's payload. The call's timeout begins when it is passed to the connection.
    ///
    /// # Errors
    /// If the connection is over, and its inbox is closed.
    #[inline]
    pub(crate) fn submit(
        &self,
        call: Call,
        input: &[u8],
        slot: Arc<Slot>,
    ) -> Result<CallId, CallErrorKind> {
        let mut inbox = self.inbox.lock();
        if inbox.is_full() {
            drop(inbox);
            // The connection refuses what is too much; its driver may be late to see to that.
            self.lock_with_calls().unlock_and_wake();
            inbox = self.inbox.lock();
        }
        let id = inbox.submit(call, input, slot)?;
        let driver = inbox.driver.take();
        drop(inbox);
        driver.into_iter().for_each(Waker::wake);
        Ok(id)
    }

    /// Keeps the lowest ids free for calls of an earlier connection, so that they are sent before new
    /// ones. Called before any call is submitted.
    pub fn reserve(&self) {
        self.inbox.lock().reserve();
    }

    /// Submits a call of an earlier connection. The driver is awake: it passes on that the peer is
    /// ready for it.
    ///
    /// # Errors
    /// If the connection is over, and its inbox is closed.
    pub(crate) fn submit_ahead(
        &self,
        call: Call,
        slot: Arc<Slot>,
    ) -> Result<CallId, CallErrorKind> {
        self.inbox.lock().submit_ahead(call, slot)
    }

    /// Cancels a call, unless it is settled; returns the stage that it had reached.
    pub fn cancel(&self, id: CallId) -> Option<Stage> {
        let mut connection = self.lock_with_calls();
        let (slot, stage) = connection.cancel(id, now())?;
        connection.unlock_and_wake();
        // Without the lock: this may drop a caller's waker.
        drop(slot);
        Some(stage)
    }
}

impl State {
    /// Passes the batch to the connection; returns whether it has any call. Reads the clock once
    /// for all of them.
    fn take_in(&mut self, now: impl FnOnce() -> Instant) -> bool {
        let Self { connection, batch, .. } = self;
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

/// Holds the lock.
#[derive(Debug)]
pub struct Guard<'a> {
    shared: &'a SharedConnection,
    state: MutexGuard<'a, State>,
}

impl Guard<'_> {
    /// Releases the lock, and wakes the driver if it is parked.
    pub fn unlock_and_wake(self) {
        let Self { shared, state } = self;
        let may_be_parked = state.is_parked;
        drop(state);
        if !may_be_parked {
            // It will take the lock again before it parks.
            return;
        }
        let driver = shared.inbox.lock().driver.take();
        driver.into_iter().for_each(Waker::wake);
    }

    /// Parks the driver: stores its waker. Returns false, and stores nothing, if a call was
    /// submitted meanwhile. The driver parks under the same lock under which it found nothing to
    /// do, so it misses no command. An idle connection frees capacity that it doesn't need.
    pub(crate) fn park(&mut self, context: &Context<'_>, is_idle: bool) -> bool {
        if is_idle {
            let State { connection, batch, .. } = &mut *self.state;
            connection.free_room();
            if batch.capacity() > IDLE_PLACES {
                *batch = Vec::new();
            }
        }
        let mut inbox = self.shared.inbox.lock();
        if !inbox.is_empty() {
            return false;
        }
        inbox.driver = Some(context.waker().clone());
        self.state.is_parked = true;
        if is_idle {
            inbox.free_room();
        }
        true
    }

    /// Closes the inbox, if the connection is over and has no events left; returns whether it does.
    /// Calls are refused from then on, since nobody would take them from the inbox.
    pub(crate) fn close_inbox(&mut self) -> bool {
        match self.call_error() {
            Some(error) if !self.has_events() => self.shared.inbox.lock().close(error),
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
