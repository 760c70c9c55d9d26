//! Event credit on its way back to a plugin.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use brpc_core::Limits;

use crate::link::PluginLink;

/// The credit of an event; goes back to the plugin when it is dropped.
#[derive(Debug)]
pub(crate) enum Credit {
    /// In one queue.
    Alone(Return),
    /// In several; goes back with the last.
    Shared(Arc<Return>),
}

/// Gives the credit of one event back when it is dropped.
#[derive(Debug)]
pub(crate) struct Return {
    link: Weak<PluginLink>,
    bytes: usize,
}

impl Credit {
    pub(crate) fn new(link: &Arc<PluginLink>, bytes: usize) -> Self {
        Self::Alone(Return { link: Arc::downgrade(link), bytes })
    }

    /// The same credit, for one more queue.
    pub(crate) fn share(self) -> (Self, Self) {
        let shared = match self {
            Self::Alone(credit) => Arc::new(credit),
            Self::Shared(credit) => credit,
        };
        (Self::Shared(shared.clone()), Self::Shared(shared))
    }
}

impl Drop for Return {
    fn drop(&mut self) {
        if let Some(link) = self.link.upgrade() {
            link.consume_event(self.bytes);
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
