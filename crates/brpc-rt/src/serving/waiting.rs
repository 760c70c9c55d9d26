//! Calls whose handlers are not started yet, since too many answers are unsent.

use std::collections::VecDeque;
use std::time::Instant;

use brpc_proto::{Call, CallId};
use tokio_util::sync::CancellationToken;

use super::resuming::Recipient;

/// Calls that wait for their handlers to be started, in order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Each with its id and its deadline. At most as many as calls in flight.
    calls: VecDeque<Pending>,
    /// Bytes of their inputs.
    bytes: usize,
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: CallId,
    pub(super) call: Call,
    pub(super) deadline: Option<Instant>,
    /// To whom its handler answers.
    pub(super) recipient: Recipient,
    /// What cancels it, if that is not of the connection.
    pub(super) token: Option<CancellationToken>,
}

impl Waiting {
    /// Adds a call, unless the inputs would then have more than so many bytes. One call always has
    /// room.
    ///
    /// # Errors
    /// To whom the call is to be refused.
    pub(super) fn push(&mut self, pending: Pending, limit: usize) -> Result<(), Recipient> {
        let bytes = self.bytes + pending.call.payload.len();
        if !self.calls.is_empty() && bytes > limit {
            return Err(pending.recipient);
        }
        self.bytes = bytes;
        self.calls.push_back(pending);
        Ok(())
    }

    /// Removes the first call.
    pub(super) fn pop(&mut self) -> Option<Pending> {
        let pending = self.calls.pop_front()?;
        self.bytes -= pending.call.payload.len();
        Some(pending)
    }

    /// Those that outlive the connection.
    pub(super) fn into_kept(self) -> impl Iterator<Item = Pending> {
        let is_kept = |pending: &Pending| matches!(pending.recipient, Recipient::Kept(..));
        self.calls.into_iter().filter(is_kept)
    }

    /// Removes a call; `None` if it doesn't wait.
    pub(super) fn remove(&mut self, id: CallId) -> Option<Pending> {
        let index = self.calls.binary_search_by_key(&id, |pending| pending.id).ok()?;
        let pending = self.calls.remove(index)?;
        self.bytes -= pending.call.payload.len();
        Some(pending)
    }
}
