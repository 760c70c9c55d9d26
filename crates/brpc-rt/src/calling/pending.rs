//! A call that was made and whose outcome is awaited.

use std::sync::Arc;
use std::task::{Context, Poll};

use brpc_core::{Admission, CallError};
use brpc_proto::{Call, CallId, Settlement};

use super::Slot;
use crate::Driven;
use crate::now;

/// A call that was made on a connection. Dropped before its end, it is given up: if nothing of it was
/// sent, nothing will be; else the peer is told, and the call keeps its place until the peer answers.
#[derive(Debug)]
pub struct PendingCall {
    connection: Arc<Driven>,
    id: CallId,
    slot: Arc<Slot>,
    /// Whether its outcome was taken.
    is_over: bool,
}

impl PendingCall {
    /// Makes a call, whose caller waits at this slot.
    ///
    /// # Errors
    /// Why not; nothing of it is sent or kept.
    pub fn start(
        connection: Arc<Driven>,
        call: Call,
        admission: Admission,
        slot: Arc<Slot>,
    ) -> Result<Self, CallError> {
        let mut guard = connection.lock();
        let started = guard.start_call(call, admission, slot.clone(), now());
        guard.unlock_and_wake();
        // Without the lock: a caller's waker may be dropped with its slot.
        let id = started.map_err(|(_, error)| error)?;
        Ok(Self { connection, id, slot, is_over: false })
    }

    /// How it ended, once it has.
    pub fn poll(&mut self, context: &Context<'_>) -> Poll<Settlement> {
        let settlement = self.slot.poll(context);
        self.is_over |= settlement.is_ready();
        settlement
    }

    /// Lets those who have its slot [cancel](Slot::cancel) it, which they may have done already.
    pub fn attach_slot(&self) -> &Arc<Slot> {
        self.slot.set_route(Arc::downgrade(&self.connection), self.id);
        &self.slot
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.cancel(self.id);
        }
    }
}
