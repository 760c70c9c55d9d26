//! What can be counted of a connection, for statistics and for tests of the limits.

use super::Connection;
use crate::session::Session;

impl<T> Connection<T> {
    /// Calls of this side that hold a place, with tombstones.
    pub fn calls_in_progress(&self) -> usize {
        self.session().map_or(0, |session| session.calls().placed())
    }

    /// Pending calls of this side, with tombstones and with those that wait for a place.
    pub fn calls(&self) -> usize {
        self.session().map_or(0, |session| session.calls().len())
    }

    /// Bytes of inputs that are not yet sent.
    pub fn queued_bytes(&self) -> usize {
        self.session().map_or(0, |session| session.calls().unsent_bytes())
    }

    /// Answers that arrived after their call was cancelled.
    pub fn late_replies(&self) -> u64 {
        self.session().map_or(0, Session::late_replies)
    }

    /// Calls of the peer that are not answered.
    pub fn running(&self) -> usize {
        self.session().map_or(0, Session::running)
    }

    /// Entries held in all tables; bounded by the limits.
    pub fn footprint(&self) -> usize {
        self.events.len() + self.session().map_or(0, Session::footprint)
    }
}
