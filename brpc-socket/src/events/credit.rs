//! Returns the credit of events to plugins.

use std::sync::{Arc, Weak};

use brpc_core::Limits;
use brpc_rt::SharedConnection;
use parking_lot::Mutex;

use crate::plugin_ref::PluginRef;

/// Returns the credit of one event when it is dropped.
#[derive(Debug)]
pub(crate) struct Return {
    origin: Arc<Origin>,
    bytes: usize,
}

impl Return {
    pub(crate) fn new(origin: Arc<Origin>, bytes: usize) -> Self {
        Self { origin, bytes }
    }
}

impl Drop for Return {
    fn drop(&mut self) {
        self.origin.give_back(self.bytes);
    }
}

/// The source of events. Shared by those that arrived together, so that they don't each touch the
/// reference counts that all events of a plugin share.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) plugin: PluginRef,
    pub(crate) consumed: Arc<Consumed>,
    pub(crate) connection: Weak<SharedConnection>,
}

impl Origin {
    /// Returns the credit of an event of this size to the plugin.
    pub(crate) fn give_back(&self, bytes: usize) {
        if let Some((events, bytes)) = self.consumed.add(bytes)
            && let Some(connection) = self.connection.upgrade()
        {
            let mut connection = connection.lock();
            connection.return_credit(events, bytes);
            // A plugin without credit is held back by not reading from it.
            if connection.wants_transmit() || !connection.takes_input() {
                connection.unlock_and_wake();
            }
        }
    }
}

/// Counts consumed events of a plugin, until they are worth taking the connection's lock.
#[derive(Debug)]
pub(crate) struct Consumed {
    /// Events and their bytes. One lock around both: otherwise the events of one reader could be
    /// returned with the bytes of another, and a rest that is never enough could stay behind.
    count: Mutex<(u32, u64)>,
    /// How many are enough: as many as are worth a frame.
    enough: (u32, u64),
}

impl Consumed {
    pub(crate) fn new(limits: &Limits, has_credit: bool) -> Self {
        let enough = if has_credit {
            (limits.event_credit.div_ceil(2), limits.event_credit_bytes.div_ceil(2))
        } else {
            // No frame is saved by waiting for more.
            (1, 0)
        };
        Self { count: Mutex::default(), enough }
    }

    /// Counts one more; returns the credit that is due, once it is enough.
    pub(crate) fn add(&self, bytes: usize) -> Option<(u32, u64)> {
        let mut count = self.count.lock();
        count.0 += 1;
        count.1 += bytes as u64;
        let is_enough = count.0 >= self.enough.0 || count.1 >= self.enough.1;
        is_enough.then(|| std::mem::take(&mut *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_enough_goes_back_as_a_whole() {
        let mut limits = Limits::default();
        (limits.event_credit, limits.event_credit_bytes) = (8, 1_000);
        let consumed = Consumed::new(&limits, true);
        let given = [10, 10, 10, 10, 600, 1].map(|bytes| consumed.add(bytes));
        assert_eq!(given, [None, None, None, Some((4, 40)), Some((1, 600)), None]);
        let consumed = Consumed::new(&limits, false);
        assert_eq!([3, 0].map(|bytes| consumed.add(bytes)), [Some((1, 3)), Some((1, 0))]);
    }
}
