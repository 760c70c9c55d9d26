//! A call that was made and whose outcome is awaited.

use std::sync::Arc;
use std::task::{Context, Poll};

use brpc_core::CallError;
use brpc_proto::{Call, CallId};

use super::{Ended, Slot};
use crate::Driven;

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
    /// Makes a call, with a copy of this input if it has none of its own, whose caller waits at this
    /// slot.
    ///
    /// # Errors
    /// If the connection is over. Any other refusal is the call's outcome.
    pub fn start(
        connection: Arc<Driven>,
        call: Call,
        input: &[u8],
        slot: Arc<Slot>,
    ) -> Result<Self, CallError> {
        let id = connection.submit(call, input, slot.clone())?;
        Ok(Self { connection, id, slot, is_over: false })
    }

    /// How it ended, once it has.
    pub fn poll(&mut self, context: &Context<'_>) -> Poll<Ended> {
        let ended = self.slot.poll(context);
        self.is_over |= ended.is_ready();
        ended
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
