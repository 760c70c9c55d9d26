//! A connection behind its lock, what is handed to it meanwhile, and the waker of the task that
//! drives it.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use brpc_core::Connection;

/// A connection behind its lock.
///
/// Its driver holds the lock while it takes frames apart and puts frames together. What comes often
/// doesn't wait for that, but is put down in the intake, whose lock nobody holds for longer than to
/// put down one thing or to take all away. Where both locks are held, the connection's was taken
/// first.
#[derive(Debug)]
pub struct Driven<C: Connection> {
    connection: Mutex<C>,
    door: Mutex<Door<C::Intake>>,
}

#[derive(Debug)]
struct Door<I> {
    intake: I,
    /// Set while the driver sleeps and is to be woken for bytes to write or another timer.
    driver: Option<Waker>,
}

impl<C: Connection> Driven<C> {
    /// Puts a connection behind a lock.
    pub fn new(connection: C) -> Self {
        let door = Door { intake: C::Intake::default(), driver: None };
        Self { connection: Mutex::new(connection), door: Mutex::new(door) }
    }

    /// Takes the lock, and keeps others from the intake meanwhile. It is never held while foreign
    /// code runs, so it is never held for long.
    pub fn lock(&self) -> Guard<'_, C> {
        let (mut connection, mut door) = (self.connection(), self.door());
        if connection.exchange(&mut door.intake) {
            connection.handle_handed();
        }
        Guard { door, connection }
    }

    /// Hands something in, and wakes the driver if it sleeps.
    ///
    /// # Errors
    /// That of `hand`.
    pub fn hand_in<R, E>(&self, hand: impl FnOnce(&mut C::Intake) -> Result<R, E>) -> Result<R, E> {
        let mut door = self.door();
        let handed = hand(&mut door.intake)?;
        let driver = door.driver.take();
        drop(door);
        driver.into_iter().for_each(Waker::wake);
        Ok(handed)
    }

    /// Takes the lock for the driver, which leaves the door open for others.
    pub(crate) fn drive(&self) -> DriverGuard<'_, C> {
        DriverGuard { driven: self, connection: self.connection() }
    }

    fn connection(&self) -> MutexGuard<'_, C> {
        // State machines don't panic; if one did, its connection's end still has to be told.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn door(&self) -> MutexGuard<'_, Door<C::Intake>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lock, held.
#[derive(Debug)]
pub struct Guard<'a, C: Connection> {
    door: MutexGuard<'a, Door<C::Intake>>,
    connection: MutexGuard<'a, C>,
}

impl<C: Connection> Guard<'_, C> {
    /// Gives the lock back and wakes the driver if it sleeps.
    pub fn unlock_and_wake(mut self) {
        let driver = self.door.driver.take();
        drop(self);
        driver.into_iter().for_each(Waker::wake);
    }
}

impl<C: Connection> Drop for Guard<'_, C> {
    fn drop(&mut self) {
        // Nothing has come meanwhile; this says how much may come now.
        self.connection.exchange(&mut self.door.intake);
    }
}

impl<C: Connection> Deref for Guard<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C: Connection> DerefMut for Guard<'_, C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}

/// The lock, held by the driver.
pub(crate) struct DriverGuard<'a, C: Connection> {
    driven: &'a Driven<C>,
    connection: MutexGuard<'a, C>,
}

impl<C: Connection> DriverGuard<'_, C> {
    /// Notes that the driver is awake, and takes over what was handed in.
    pub(crate) fn unpark(&mut self) {
        self.exchange(|_, door, _| door.driver = None);
    }

    /// Takes over what was handed in. True if there was something.
    pub(crate) fn take_over(&mut self) -> bool {
        self.exchange(|_, _, _| {})
    }

    /// Notes whom to wake; or, if something was handed in meanwhile, takes it over. True if the driver
    /// may sleep. One that has done little gives back room.
    pub(crate) fn park(&mut self, context: &Context<'_>, did_little: bool) -> bool {
        !self.exchange(|connection, door, has_come| {
            if has_come {
                return;
            }
            door.driver = Some(context.waker().clone());
            if did_little {
                connection.free_room(&mut door.intake);
            }
        })
    }

    /// Takes over what was handed in, and does something at the door before it is let go. True if
    /// there was something.
    fn exchange(&mut self, then: impl FnOnce(&mut C, &mut Door<C::Intake>, bool)) -> bool {
        let mut door = self.driven.door();
        let has_come = self.connection.exchange(&mut door.intake);
        then(&mut self.connection, &mut door, has_come);
        drop(door);
        if has_come {
            self.connection.handle_handed();
        }
        has_come
    }
}

impl<C: Connection> Deref for DriverGuard<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C: Connection> DerefMut for DriverGuard<'_, C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}
