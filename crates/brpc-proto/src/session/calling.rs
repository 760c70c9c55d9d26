//! The half of a session that makes calls.

use std::time::Instant;

use brpc_core::{
    Answer, CallError, DisconnectReason, Limits, Metadata, ProtocolError, Stage, Status,
};
use bytes::Buf as _;

use super::Events;
use super::calls::{Calls, Taken};
use crate::buffer::WriteBuffer;
use crate::codec::{Codec, Traits};
use crate::event::Event;
use crate::limits::MAX_TRANSMIT;
use crate::message::{Admission, Call, CallId, Message};
use crate::settlement::Settlement;

/// The calls that this side makes. `T` stands for a caller.
#[derive(Debug)]
pub(crate) struct Calling<T> {
    /// Those that are not over.
    calls: Calls<T>,
    /// Given up after they were sent; the peer is to be told.
    cancels: Vec<CallId>,
    /// Whether the peer can be told.
    has_cancel: bool,
    /// Answers to calls that were given up before.
    late_replies: u64,
}

/// What an answer did.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Answered {
    /// It ended a call that somebody waited for.
    Settled,
    /// Nobody waited any more.
    Late,
    /// There had been one before.
    Again,
}

impl<T> Calling<T> {
    pub(crate) fn new(max_calls: usize, traits: Traits, limits: &Limits) -> Self {
        Self {
            calls: Calls::new(limits, max_calls),
            cancels: Vec::new(),
            has_cancel: traits.has_cancel,
            late_replies: 0,
        }
    }

    /// Takes a call in under an id above all before, or gives the caller back with the reason why not.
    pub(crate) fn start(
        &mut self,
        id: CallId,
        call: Call,
        admission: Admission,
        caller: T,
        now: Instant,
    ) -> Result<(), (T, CallError)> {
        self.calls.start(id, call, admission, caller, now)
    }

    /// Gives a call up; its caller is handed back if it still waits.
    pub(crate) fn cancel(&mut self, id: CallId) -> Option<(T, Stage)> {
        let (caller, stage) = self.calls.give_up(id)?;
        self.note_given_up(id, stage);
        Some((caller, stage))
    }

    /// Has the peer told that nobody waits for a call any more, if it knows of it.
    fn note_given_up(&mut self, id: CallId, stage: Stage) {
        if stage == Stage::Sent && self.has_cancel {
            self.cancels.push(id);
        }
    }

    /// Takes the answer to a call in, with what goes along with it.
    pub(crate) fn handle_answer(
        &mut self,
        id: CallId,
        answer: Answer,
        metadata: Metadata,
        events: &mut Events<T>,
    ) -> Result<Answered, ProtocolError> {
        let (caller, has_deadline) = match self.calls.answer(id) {
            Taken::Waited { caller, has_deadline } => (caller, has_deadline),
            Taken::GivenUp => {
                self.late_replies += 1;
                return Ok(Answered::Late);
            }
            Taken::Again => return Ok(Answered::Again),
            Taken::NeverSent => return Err(ProtocolError::UnknownCall),
        };
        let settlement = match answer {
            // Nobody here gave it up, so the peer did when the call's time was over, and says so a
            // moment before this side's own timer fires.
            Err(failure) if failure.status == Status::Cancelled && has_deadline => {
                Settlement::Ended(CallError::DeadlineExceeded { stage: Stage::Sent })
            }
            answer => Settlement::Answered(answer, metadata),
        };
        events.push_back(Event::Settled(caller, settlement));
        Ok(Answered::Settled)
    }

    /// Ends the calls whose time is over.
    pub(crate) fn expire(&mut self, now: Instant, events: &mut Events<T>) {
        for (id, caller, stage) in self.calls.expire(now) {
            self.note_given_up(id, stage);
            let error = CallError::DeadlineExceeded { stage };
            events.push_back(Event::Settled(caller, Settlement::Ended(error)));
        }
    }

    /// When to call [`expire`](Self::expire) next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.calls.next_deadline()
    }

    /// Ends the calls that wait for a place.
    pub(crate) fn refuse_waiting(&mut self, error: &CallError, events: &mut Events<T>) {
        while let Some(caller) = self.calls.pop_waiting() {
            events.push_back(Event::Settled(caller, Settlement::Ended(error.clone())));
        }
    }

    /// Ends the calls that the peer will not start: those above an id, and those that are not sent.
    pub(crate) fn refuse_not_started(&mut self, last: CallId, events: &mut Events<T>) {
        for caller in self.calls.take_not_started(last) {
            events.push_back(Event::Settled(caller, Settlement::Ended(CallError::Draining)));
        }
    }

    /// Ends all calls with the connection; how many somebody waited for.
    pub(crate) fn abandon(
        &mut self,
        reason: DisconnectReason,
        generation: u64,
        events: &mut Events<T>,
    ) -> usize {
        self.cancels = Vec::new();
        let before = events.len();
        events.extend(self.calls.abandon().map(|(caller, stage)| {
            let error = CallError::Disconnected { stage, reason, generation };
            Event::Settled(caller, Settlement::Ended(error))
        }));
        events.len() - before
    }

    /// Says which calls nobody waits for any more.
    pub(crate) fn transmit_cancels(&mut self, codec: &mut dyn Codec, out: &mut WriteBuffer) {
        for id in self.cancels.drain(..) {
            codec.encode(&Message::Cancel(id), out);
        }
    }

    /// Appends calls up to some 256 KiB; each counts as sent. True if no more are to be sent.
    pub(crate) fn transmit(
        &mut self,
        codec: &mut dyn Codec,
        out: &mut WriteBuffer,
        now: Instant,
    ) -> bool {
        let (calls, bytes) = self.calls.to_write();
        out.reserve(calls, bytes);
        while out.remaining() < MAX_TRANSMIT {
            let Some((id, mut call, deadline)) = self.calls.next_to_write() else { return true };
            // More time than any clock has is no limit.
            call.timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
            codec.encode(&Message::Call(id, call), out);
        }
        self.calls.to_write().0 == 0
    }

    /// Whether there is something to send.
    pub(crate) fn wants_transmit(&self) -> bool {
        !self.cancels.is_empty() || self.calls.to_write().0 > 0
    }

    /// The table, to look at.
    pub(crate) fn calls(&self) -> &Calls<T> {
        &self.calls
    }

    /// Answers that came after their call was given up.
    pub(crate) fn late_replies(&self) -> u64 {
        self.late_replies
    }

    /// Gives back room that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        self.calls.free_room();
    }

    /// Entries held in all parts; for tests of the bounds.
    pub(crate) fn footprint(&self) -> usize {
        self.calls.footprint() + self.cancels.len()
    }
}
