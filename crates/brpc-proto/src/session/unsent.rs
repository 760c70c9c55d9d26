//! Calls that are not sent yet, in order.

use std::collections::VecDeque;
use std::time::Instant;

use crate::message::{Call, CallId};

/// Calls that are not sent yet, in the order of their ids, and their bytes.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    /// Each with its deadline. A withdrawn call leaves a gap, until there are too many gaps.
    calls: VecDeque<(CallId, Option<Call>, Option<Instant>)>,
    /// How many there are, without the gaps.
    len: usize,
    /// Bytes of their inputs.
    bytes: usize,
}

/// Below this many gaps, closing them isn't worth it. They must not pile up while a peer reads
/// nothing.
const GAPS: usize = 64;

impl Unsent {
    /// Adds a call with a higher id than all before, and its deadline.
    pub(crate) fn push(&mut self, id: CallId, call: Call, deadline: Option<Instant>) {
        debug_assert!(self.calls.back().is_none_or(|(last, ..)| *last < id), "ids rise");
        self.len += 1;
        self.bytes += call.payload.len();
        self.calls.push_back((id, Some(call), deadline));
    }

    /// Removes the first call.
    pub(crate) fn pop(&mut self) -> Option<(CallId, Call, Option<Instant>)> {
        while let Some((id, call, deadline)) = self.calls.pop_front() {
            if let Some(call) = call {
                self.forget(&call);
                return Some((id, call, deadline));
            }
        }
        None
    }

    /// Withdraws a call; whether it was there.
    pub(crate) fn remove(&mut self, id: CallId) -> bool {
        let Ok(index) = self.calls.binary_search_by_key(&id, |(id, ..)| *id) else { return false };
        let Some(call) = self.calls[index].1.take() else { return false };
        self.forget(&call);
        if self.calls.len() > GAPS + 2 * self.len {
            self.calls.retain(|(_, call, _)| call.is_some());
        }
        true
    }

    fn forget(&mut self, call: &Call) {
        self.len -= 1;
        self.bytes -= call.payload.len();
    }

    /// Shrinks the capacity to so many calls, or to those that there are.
    pub(crate) fn shrink_to(&mut self, calls: usize) {
        if self.calls.capacity() > 2 * calls {
            self.calls.shrink_to(calls);
        }
    }

    /// The lowest id, of a call or a gap.
    pub(crate) fn first_id(&self) -> Option<CallId> {
        self.calls.front().map(|(id, ..)| *id)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of their inputs.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Entries held; for tests of the limits.
    pub(crate) fn footprint(&self) -> usize {
        self.calls.len()
    }
}

impl Iterator for Unsent {
    type Item = (CallId, Call, Option<Instant>);

    fn next(&mut self) -> Option<Self::Item> {
        self.pop()
    }
}
