//! The calls of a session that may go on over another connection.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::time::Instant;

use brpc_core::{CallErrorKind, DisconnectReason, Stage};

use super::calls::IdHasher;
use crate::buffer::WriteBuffer;
use crate::codec::Codec;
use crate::message::{Call, CallId, Continued, Message, Origin};
use crate::resume::Suspension;

/// The resumable calls of a session, beside the table of all calls: so the others cost no more.
#[derive(Debug, Default)]
pub(crate) struct Resumables {
    /// What is needed to send each again, by id. None of a call that was cancelled.
    calls: HashMap<CallId, Call, BuildHasherDefault<IdHasher>>,
    /// Answered calls for which a Confirm is due.
    confirms: Vec<CallId>,
    /// Whether a Resumed is due, as soon as the peer is told of all that go on.
    is_resumed: bool,
}

impl Resumables {
    /// Notes a call that was accepted.
    pub(crate) fn add(&mut self, id: CallId, call: Call) {
        self.calls.insert(id, call);
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Notes that a call has its answer.
    pub(crate) fn confirm(&mut self, id: CallId) {
        if self.calls.remove(&id).is_some() {
            self.confirms.push(id);
        }
    }

    /// Removes a call that ends in an error; returns the error with which it does. What goes on may
    /// have run, though nothing of it was sent on this connection.
    pub(crate) fn give_up(&mut self, id: CallId, error: CallErrorKind) -> CallErrorKind {
        match self.calls.remove(&id).and_then(|call| call.continued()) {
            None => error,
            Some(continued) => may_have_run(&error, continued),
        }
    }

    /// The stage of a call that is cancelled, and that the table says has come to this one.
    pub(crate) fn cancel(&mut self, id: CallId, stage: Stage) -> Stage {
        let continued = self.calls.remove(&id).and_then(|call| call.continued());
        if continued.is_some() { Stage::Sent } else { stage }
    }

    /// Takes a call whose connection is lost, if it may go on over another one.
    pub(crate) fn suspend(
        &mut self,
        id: CallId,
        (generation, reason): (u64, DisconnectReason),
        deadline: Option<Instant>,
        stage: Stage,
    ) -> Option<Suspension> {
        let call = self.calls.remove(&id)?;
        Some(Suspension::new(call, Origin { generation, id }, deadline, stage, reason))
    }

    /// Forgets all calls.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The peer is to be told that all calls that go on were named.
    pub(crate) fn resumed(&mut self) {
        self.is_resumed = true;
    }

    /// Whether it is to be told that, for once.
    pub(crate) fn take_resumed(&mut self) -> bool {
        std::mem::take(&mut self.is_resumed)
    }

    /// Encodes a Confirm for each call that has its answer.
    pub(crate) fn transmit_confirms(&mut self, codec: &mut dyn Codec, out: &mut WriteBuffer) {
        for id in self.confirms.drain(..) {
            codec.encode(&Message::Confirm(id), out);
        }
    }

    /// Whether a Confirm is due.
    pub(crate) fn has_confirms(&self) -> bool {
        !self.confirms.is_empty()
    }

    /// Whether there is something to send.
    pub(crate) fn wants_transmit(&self) -> bool {
        !self.confirms.is_empty() || self.is_resumed
    }

    /// Entries held; for tests of the limits.
    pub(crate) fn footprint(&self) -> usize {
        self.calls.len() + self.confirms.len()
    }
}

/// The error of a call that may have run on an earlier connection, for one that says that it has
/// not.
pub(crate) fn may_have_run(error: &CallErrorKind, continued: Continued) -> CallErrorKind {
    let stage = Stage::Sent;
    match error {
        CallErrorKind::DeadlineExceeded { .. } => CallErrorKind::DeadlineExceeded { stage },
        CallErrorKind::Cancelled { .. } => CallErrorKind::Cancelled { stage },
        _ => {
            let Continued { origin, reason } = continued;
            CallErrorKind::Disconnected { stage, reason, generation: origin.generation }
        }
    }
}
