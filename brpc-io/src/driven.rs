//! A connection behind its lock, what is handed to it meanwhile, and the waker of the task that
//! drives it.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use brpc_core::{Connection, Handed, WriteBuffer};

use crate::gathering::ENOUGH;
use crate::now;

/// A connection behind its lock.
///
/// Its driver holds the lock while it takes frames apart and puts frames together. What comes often
/// doesn't wait for that, but is put down in the intake, whose lock is held for no longer than to put
/// down one thing or to take all away; but by what comes rarely and takes both locks, the
/// connection's first.
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
    /// How many bytes must be handed in before it is woken for them.
    enough: usize,
}

impl<C: Connection> Driven<C> {
    /// Puts a connection behind a lock.
    pub fn new(connection: C) -> Self {
        let door = Door { intake: C::Intake::default(), driver: None, enough: 0 };
        Self { connection: Mutex::new(connection), door: Mutex::new(door) }
    }

    /// Takes the lock, and keeps others from the intake meanwhile. It is never held while foreign
    /// code runs, so it is never held for long.
    pub fn lock(&self) -> Guard<'_, C> {
        let (mut connection, mut door) = (self.connection(), self.door());
        if C::handed(&door.intake).count > 0 {
            connection.take_over(&mut door.intake);
            connection.handle_handed(None, now());
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
        let is_enough = C::handed(&door.intake).bytes >= door.enough;
        let driver = if is_enough { door.driver.take() } else { None };
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
        self.connection.offer(&mut self.door.intake);
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
    /// Says how much may be handed in, and notes that the driver is awake. How much is there.
    pub(crate) fn offer(&self) -> Handed {
        let mut door = self.driven.door();
        door.driver = None;
        self.connection.offer(&mut door.intake);
        C::handed(&door.intake)
    }

    /// Takes over what was handed in, and has it sent as far as there is room in `out`.
    pub(crate) fn take_over(&mut self, out: Option<&mut WriteBuffer>) {
        self.connection.take_over(&mut self.driven.door().intake);
        self.connection.handle_handed(out, now());
    }

    /// Notes whom to wake when enough is handed in.
    pub(crate) fn step_back(&self, context: &Context<'_>) {
        let mut door = self.driven.door();
        (door.driver, door.enough) = (Some(context.waker().clone()), ENOUGH);
    }

    /// Notes whom to wake, unless something was handed in meanwhile. True if the driver may sleep. One
    /// that has done little gives back room.
    pub(crate) fn park(&mut self, context: &Context<'_>, did_little: bool) -> bool {
        let mut door = self.driven.door();
        if C::handed(&door.intake).count > 0 {
            return false;
        }
        (door.driver, door.enough) = (Some(context.waker().clone()), 0);
        self.connection.offer(&mut door.intake);
        if did_little {
            self.connection.free_room(&mut door.intake);
        }
        true
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
