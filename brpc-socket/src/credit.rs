//! Event credit on its way back to a plugin.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use brpc_core::Limits;

use crate::event::PluginRef;
use crate::link::PluginLink;

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
    pub(crate) link: Weak<PluginLink>,
}

impl Origin {
    /// Gives the credit of an event of this size back to the plugin.
    pub(crate) fn give_back(&self, bytes: usize) {
        if let Some(link) = self.link.upgrade() {
            link.consume_event(bytes);
        }
    }
}

/// Counts events that were consumed, until there are enough of them to take the connection's lock.
#[derive(Debug)]
pub(crate) struct Consumed {
    events: AtomicU32,
    bytes: AtomicU64,
    /// How many are enough: as many as are worth a frame.
    enough: (u32, u64),
}

impl Consumed {
    pub(crate) fn new(limits: &Limits) -> Self {
        let enough = (limits.event_credit.div_ceil(2), limits.event_credit_bytes.div_ceil(2));
        Self { events: AtomicU32::new(0), bytes: AtomicU64::new(0), enough }
    }

    /// Counts one more; what is to be given back, if it is enough.
    pub(crate) fn add(&self, bytes: usize) -> Option<(u32, u64)> {
        let bytes = bytes as u64;
        let events = self.events.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // Whoever counts meanwhile is counted here or the next time, and never twice.
        let is_enough = events >= self.enough.0 || bytes >= self.enough.1;
        is_enough.then(|| {
            (self.events.swap(0, Ordering::Relaxed), self.bytes.swap(0, Ordering::Relaxed))
        })
    }
}
