//! A connection behind its lock, and the waker of the task that drives it.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// A connection behind its lock.
#[derive(Debug)]
pub struct Driven<C>(Mutex<State<C>>);

#[derive(Debug)]
struct State<C> {
    connection: C,
    /// Set while the driver sleeps and is to be woken for bytes to write or another timer.
    driver: Option<Waker>,
}

/// The lock, held.
#[derive(Debug)]
pub struct Guard<'a, C>(MutexGuard<'a, State<C>>);

impl<C> Driven<C> {
    /// Puts a connection behind a lock.
    pub fn new(connection: C) -> Self {
        Self(Mutex::new(State { connection, driver: None }))
    }

    /// Takes the lock. It is never held while foreign code runs, so it is never held for long.
    pub fn lock(&self) -> Guard<'_, C> {
        // State machines don't panic; if one did, its connection's end still has to be told.
        Guard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<C> Guard<'_, C> {
    /// Gives the lock back and wakes the driver if it sleeps.
    pub fn unlock_and_wake(mut self) {
        let driver = self.0.driver.take();
        drop(self);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Notes that the driver is awake.
    pub(crate) fn unpark(&mut self) {
        self.0.driver = None;
    }

    /// Notes whom to wake.
    pub(crate) fn park(&mut self, context: &Context<'_>) {
        self.0.driver = Some(context.waker().clone());
    }
}

impl<C> Deref for Guard<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0.connection
    }
}

impl<C> DerefMut for Guard<'_, C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.0.connection
    }
}
