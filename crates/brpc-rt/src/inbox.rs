//! Calls that were submitted, and that the connection hasn't got yet.

use std::sync::Arc;
use std::task::Waker;

use brpc_core::CallErrorKind;
use brpc_proto::limits::{IDLE_BYTES, IDLE_PLACES, MAX_SUSPENDED};
use brpc_proto::{Call, CallId};
use bytes::BytesMut;

use crate::slot::Slot;

/// Callers put their calls here, and whoever locks the connection takes them out. So a caller
/// doesn't wait for the connection's lock.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// In the order in which they came. The connection checks them when they are taken out: when its
    /// driver wakes, or before, by a caller who finds the inbox full.
    submitted: Vec<Submitted>,
    /// Bytes of their inputs.
    bytes: usize,
    /// A buffer for copies of small inputs, side by side. Memory that one thread allocates and
    /// another frees costs both, so many calls share one allocation.
    inputs: BytesMut,
    /// The size of the last allocation for it; larger, the more there is to copy.
    chunk: usize,
    /// The id assigned last.
    last_id: CallId,
    /// The same of calls of an earlier connection, if lower ids are kept free for them.
    last_ahead: Option<CallId>,
    /// Set while the driver is parked, to be woken for bytes to write or another timeout.
    pub(crate) driver: Option<Waker>,
    /// Why calls are refused, once the inbox is closed.
    closed: Option<CallErrorKind>,
}

/// The largest allocation for several copies. A single input that is still needed keeps all of it.
const MAX_CHUNK: usize = 64 * 1024;

/// Of so many calls, or bytes of inputs, an inbox is full: enough that a driver which wakes in time
/// takes the calls out, little beside what a connection may hold.
const FULL: (usize, usize) = (1_024, 512 * 1024);

/// A submitted call.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) id: CallId,
    pub(crate) call: Call,
    pub(crate) slot: Arc<Slot>,
}

impl Inbox {
    /// Keeps the lowest ids free for calls of an earlier connection. Called before any call is added.
    pub(crate) fn reserve(&mut self) {
        (self.last_id, self.last_ahead) = (MAX_SUSPENDED, Some(0));
    }

    /// Adds a call of an earlier connection; returns its id.
    pub(crate) fn submit_ahead(
        &mut self,
        call: Call,
        slot: Arc<Slot>,
    ) -> Result<CallId, CallErrorKind> {
        if let Some(error) = &self.closed {
            return Err(error.clone());
        }
        let last = match &mut self.last_ahead {
            Some(last) if *last < MAX_SUSPENDED => last,
            _ => &mut self.last_id,
        };
        *last += 1;
        let id = *last;
        self.submitted.push(Submitted { id, call, slot });
        Ok(id)
    }

    /// Whether the calls are to be taken out before more are added.
    pub(crate) fn is_full(&self) -> bool {
        self.submitted.len() >= FULL.0 || self.bytes >= FULL.1
    }

    /// Adds a call; returns its id. A non-empty `input` is copied into the call's payload.
    pub(crate) fn submit(
        &mut self,
        mut call: Call,
        input: &[u8],
        slot: Arc<Slot>,
    ) -> Result<CallId, CallErrorKind> {
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
        self.bytes += call.payload.len();
        self.last_id += 1;
        self.submitted.push(Submitted { id: self.last_id, call, slot });
        Ok(self.last_id)
    }

    /// Whether it has no calls.
    pub(crate) fn is_empty(&self) -> bool {
        self.submitted.is_empty()
    }

    /// Exchanges the calls, if there are any, for an empty batch.
    pub(crate) fn exchange(&mut self, batch: &mut Vec<Submitted>) {
        if !self.submitted.is_empty() {
            std::mem::swap(&mut self.submitted, batch);
            self.bytes = 0;
        }
    }

    /// Refuses all later calls, unless it still has some; returns whether it does.
    pub(crate) fn close(&mut self, error: CallErrorKind) -> bool {
        let is_empty = self.submitted.is_empty();
        if is_empty {
            self.closed = Some(error);
        }
        is_empty
    }

    /// Frees capacity that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        if self.submitted.is_empty() && self.submitted.capacity() > IDLE_PLACES {
            self.submitted = Vec::new();
        }
        if self.chunk > IDLE_BYTES {
            (self.inputs, self.chunk) = (BytesMut::new(), 0);
        }
    }
}
