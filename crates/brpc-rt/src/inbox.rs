//! Calls that were submitted to a connection and that it doesn't know of yet.

use std::sync::Arc;
use std::task::Waker;

use brpc_core::CallError;
use brpc_proto::limits::{IDLE_BYTES, IDLE_PLACES};
use brpc_proto::{Call, CallId};
use bytes::BytesMut;

use crate::slot::Slot;

/// Where callers put their calls down, and whoever works on the connection takes them away. Who makes
/// a call needs not wait for whoever works on the connection.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// In the order of their ids. Bounded by the callers, each of whom waits at a slot of its own; the
    /// connection judges them when they are taken away, which is when its driver wakes.
    submitted: Vec<Submitted>,
    /// Room for copies of small inputs, side by side: memory that one thread takes and another gives
    /// back costs both, so it is once for many calls.
    inputs: BytesMut,
    /// How much room was made at once the last time; more, the more there is to copy.
    chunk: usize,
    /// The id given last.
    last_id: CallId,
    /// Set while the driver sleeps and is to be woken for bytes to write or another timer.
    pub(crate) driver: Option<Waker>,
    /// Why calls are refused, once nobody takes any away.
    closed: Option<CallError>,
}

/// The most room for copies that is made at once. A single input that is still needed keeps all of it.
const MAX_CHUNK: usize = 64 * 1024;

/// A call that was submitted.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) id: CallId,
    pub(crate) call: Call,
    pub(crate) slot: Arc<Slot>,
}

impl Inbox {
    /// Puts a call down, with a copy of this input if it has none of its own; its id.
    pub(crate) fn submit(
        &mut self,
        mut call: Call,
        input: &[u8],
        slot: Arc<Slot>,
    ) -> Result<CallId, CallError> {
        if let Some(error) = &self.closed {
            return Err(error.clone());
        }
        if !input.is_empty() {
            if self.inputs.capacity() < input.len() && !self.inputs.try_reclaim(input.len()) {
                self.chunk = (2 * self.chunk).clamp(IDLE_BYTES, MAX_CHUNK);
                self.inputs = BytesMut::with_capacity(self.chunk.max(input.len()));
            }
            self.inputs.extend_from_slice(input);
            call.payload = self.inputs.split().freeze();
        }
        self.last_id += 1;
        self.submitted.push(Submitted { id: self.last_id, call, slot });
        Ok(self.last_id)
    }

    /// Whether nothing was put down.
    pub(crate) fn is_empty(&self) -> bool {
        self.submitted.is_empty()
    }

    /// Gives what was put down in exchange for an empty batch.
    pub(crate) fn exchange(&mut self, batch: &mut Vec<Submitted>) {
        if !self.submitted.is_empty() {
            std::mem::swap(&mut self.submitted, batch);
        }
    }

    /// Refuses all calls to come, unless some are still to be taken away; whether it does.
    pub(crate) fn close(&mut self, error: CallError) -> bool {
        let is_empty = self.submitted.is_empty();
        if is_empty {
            self.closed = Some(error);
        }
        is_empty
    }

    /// Gives back room that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        if self.submitted.is_empty() && self.submitted.capacity() > IDLE_PLACES {
            self.submitted = Vec::new();
        }
        if self.chunk > IDLE_BYTES {
            (self.inputs, self.chunk) = (BytesMut::new(), 0);
        }
    }
}
