//! A submitted call whose outcome is awaited.

use std::sync::Arc;
use std::task::{Context, Poll};

use brpc_core::CallErrorKind;
use brpc_proto::{Call, CallId};

use super::cancel::Route;
use super::moving::submit;
use crate::shared::SharedConnection;
use crate::slot::{Ended, Slot};

/// A call that was submitted to a connection. Dropping it before it is settled cancels the call: if
/// it is unsent, it is never sent; else the peer gets a Cancel, and the call keeps its place until
/// the peer answers.
#[derive(Debug)]
pub struct PendingCall {
    connection: Arc<SharedConnection>,
    id: CallId,
    slot: Arc<Slot>,
    /// Whether its outcome was returned.
    is_over: bool,
}

impl PendingCall {
    /// Submits a call whose caller waits at this slot. A non-empty `input` is copied into the
    /// call's payload.
    ///
    /// # Errors
    /// If the connection is over. Any other error is the call's outcome.
    pub fn start(
        connection: Arc<SharedConnection>,
        call: Call,
        input: &[u8],
        slot: Slot,
    ) -> Result<Self, CallErrorKind> {
        let slot = Arc::new(slot);
        let id = match slot.place() {
            None => connection.submit(call, input, slot.clone()),
            Some(place) => submit(&connection, call, input, &slot, place),
        }?;
        Ok(Self { connection, id, slot, is_over: false })
    }

    /// Returns how the call ended, once it has.
    pub fn poll(&mut self, context: &Context<'_>) -> Poll<Ended> {
        let ended = self.slot.poll(context);
        self.is_over |= ended.is_ready();
        ended
    }

    /// The number of the call on its connection; on the first one, if it goes on over others.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// The way to the call, for cancelling it.
    pub fn route(&self) -> Route {
        let connection = Arc::downgrade(&self.connection);
        Route { connection, id: self.id, slot: self.slot.clone() }
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if !self.is_over {
            match self.slot.place() {
                None => self.connection.cancel(self.id),
                Some(place) => place.cancel(),
            };
            // A canceller may hold the slot for longer.
            self.slot.forget_caller();
        }
    }
}
