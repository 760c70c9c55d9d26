//! A connection behind its lock, and the waker of the task that drives it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::{Context, Waker};

use brpc_core::Stage;
use brpc_proto::{CallId, Connection};
use parking_lot::{Mutex, MutexGuard};

use crate::calling::Slot;

/// A connection behind its lock, which is held for one look at it, never across an await, and never
/// while foreign code runs.
#[derive(Debug)]
pub struct Driven {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    connection: Connection<Arc<Slot>>,
    /// Set while the driver sleeps and is to be woken for bytes to write or another timer.
    driver: Option<Waker>,
}

impl Driven {
    /// Puts a connection behind a lock.
    pub fn new(connection: Connection<Arc<Slot>>) -> Self {
        Self { state: Mutex::new(State { connection, driver: None }) }
    }

    /// Takes the lock.
    pub fn lock(&self) -> Guard<'_> {
        Guard { state: self.state.lock() }
    }

    /// Gives a call up, if it is not over: how far it had come.
    pub fn cancel(&self, id: CallId) -> Option<Stage> {
        let mut connection = self.lock();
        let (slot, stage) = connection.cancel(id)?;
        connection.unlock_and_wake();
        // Without the lock: a caller's waker may be dropped with it.
        drop(slot);
        Some(stage)
    }
}

/// The lock, held.
#[derive(Debug)]
pub struct Guard<'a> {
    state: MutexGuard<'a, State>,
}

impl Guard<'_> {
    /// Gives the lock back and wakes the driver if it sleeps.
    pub fn unlock_and_wake(mut self) {
        let driver = self.state.driver.take();
        drop(self);
        driver.into_iter().for_each(Waker::wake);
    }

    /// Notes whom to wake. Under the lock under which nothing was found to do, so that no command is
    /// missed that is given meanwhile.
    pub(crate) fn park(&mut self, context: &Context<'_>) {
        match &mut self.state.driver {
            Some(driver) => driver.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
    }

    /// Notes that the driver is awake.
    pub(crate) fn unpark(&mut self) {
        self.state.driver = None;
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
