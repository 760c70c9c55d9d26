//! What both sides say of earlier connections, before calls are sent.

use std::time::{Duration, Instant};

use brpc_core::ProtocolError;

use crate::limits::{MAX_ALL_RECALLED, MIN_RATE};
use crate::message::Recalled;
use crate::role::Role;

/// What both sides say of earlier connections, before calls are sent: the plugin in its Resumes, then
/// the hub in its Continues. It is over at a hub with the last Resume, at a plugin with Resumed.
#[derive(Debug)]
pub(crate) struct Recalling {
    /// How much the plugin has named, and in how many frames.
    named: usize,
    /// At a hub: when the last Resume must have come.
    until: Option<Instant>,
    /// Whether that was found to be over.
    is_suspected: bool,
}

/// What a connection or a call takes in a Resume at least.
const LEAST: u64 = 2;

impl Recalling {
    /// Begins now; a plugin gets so much time.
    pub(crate) fn new(role: Role, window: Duration, now: Instant) -> Self {
        let until = (role == Role::Hub).then(|| now + window);
        Self { named: 0, until, is_suspected: false }
    }

    /// Handles a Resume. What it names earns the plugin its time at the slowest rate.
    pub(crate) fn handle(&mut self, recalled: &Recalled) -> Result<(), ProtocolError> {
        let named = recalled.seen.len() + recalled.kept.len();
        // A frame without a call costs something, too.
        self.named += 1 + named;
        if self.named > MAX_ALL_RECALLED {
            return Err(ProtocolError::ResumeTooLong);
        }
        let earned = Duration::from_millis(1_000 * LEAST * named as u64 / MIN_RATE);
        self.until = self.until.map(|until| until + earned);
        self.is_suspected = false;
        Ok(())
    }

    /// Whether the plugin's time is over. Only a suspicion at first: what it has sent may wait in the
    /// transport.
    pub(crate) fn is_overdue(&mut self, now: Instant) -> bool {
        let is_over = self.until.is_some_and(|until| until <= now);
        is_over && std::mem::replace(&mut self.is_suspected, true)
    }

    /// When the plugin's time is over.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.until
    }
}
