//! The time of a run.

use std::time::{Duration, Instant};

use brpc_proto::Connection;

use crate::tape::Tape;

/// A clock that is moved by hand.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(crate) now: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { now: Instant::now() }
    }

    /// A later time, or none.
    pub(crate) fn later(&self, tape: &mut Tape<'_>) -> Option<Instant> {
        match tape.choice() {
            0..64 => None,
            choice => Some(self.now + Duration::from_millis(u64::from(choice - 64) * 50)),
        }
    }

    /// Moves on for a while, or to the connection's timeout.
    pub(crate) fn go_on<T>(&mut self, connection: &Connection<T>, tape: &mut Tape<'_>) {
        self.now = match (tape.choice(), connection.poll_timeout()) {
            (0..128, Some(timer)) => timer.max(self.now),
            (choice, _) => self.now + Duration::from_millis(u64::from(choice) * 50),
        };
    }

    /// Has the connection handle what is due, as its driver does.
    pub(crate) fn tick<T>(&self, connection: &mut Connection<T>) {
        let is_due = |connection: &dyn Fn() -> Option<Instant>| {
            connection().is_some_and(|timer| timer <= self.now)
        };
        // Twice at the same time is fine, to check a peer again; more, and the driver would never
        // park again.
        for _ in 0..2 {
            if !is_due(&|| connection.poll_timeout()) {
                return;
            }
            connection.handle_timeout(self.now);
        }
        assert!(!is_due(&|| connection.poll_timeout()), "a timer in the past");
    }
}
