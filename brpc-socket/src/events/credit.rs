//! Event credit on its way back to a plugin.

use std::sync::{Arc, Weak};

use brpc_core::Limits;
use brpc_rt::Driven;
use parking_lot::Mutex;

use crate::plugin_ref::PluginRef;

/// Gives the credit of one event back when it is dropped.
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

/// Where events come from. Shared by those that came together, so that the counts that all events of
/// a plugin share are not touched for each.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) plugin: PluginRef,
    pub(crate) consumed: Arc<Consumed>,
    pub(crate) driven: Weak<Driven>,
}

impl Origin {
    /// Gives the credit of an event of this size back to the plugin.
    pub(crate) fn give_back(&self, bytes: usize) {
        if let Some((events, bytes)) = self.consumed.add(bytes)
            && let Some(driven) = self.driven.upgrade()
        {
            let mut connection = driven.lock();
            connection.return_credit(events, bytes);
            // A plugin that knows no credit is held back by not reading from it.
            if connection.wants_transmit() || !connection.takes_input() {
                connection.unlock_and_wake();
            }
        }
    }
}

/// Counts events of a plugin that were consumed, until there are enough of them to take the
/// connection's lock.
#[derive(Debug)]
pub(crate) struct Consumed {
    /// Events and their bytes. One lock around both: if the events of one reader went with the bytes
    /// of another, a rest could stay behind that is never enough.
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

    /// Counts one more; what is to be given back, if it is enough.
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
