//! The half of a session that makes calls.

use std::time::{Duration, Instant};

use brpc_core::{
    Answer, CallErrorKind, DisconnectReason, Failure, Limits, Metadata, ProtocolError, Scope,
    Stage, Status,
};
use bytes::Buf as _;

use super::Events;
use super::calls::{Calls, Taken};
use super::mute::Mute;
use super::resumables::{Resumables, may_have_run};
use crate::buffer::WriteBuffer;
use crate::codec::{Codec, Traits};
use crate::event::Event;
use crate::limits::MAX_TRANSMIT;
use crate::message::{Call, CallId, Continued, Message};
use crate::settlement::Settlement;

/// The calls that this side makes. `T` is a caller.
#[derive(Debug)]
pub(crate) struct Calling<T> {
    /// The calls that are not settled, and tombstones.
    calls: Calls<T>,
    /// Those among them that may go on over another connection.
    resumables: Resumables,
    /// Calls cancelled after they were sent, for which a Cancel is due.
    cancels: Vec<CallId>,
    /// Whether the wire has Cancel.
    has_cancel: bool,
    /// Answers to cancelled calls.
    late_replies: u64,
    /// Whether the peer answers nothing.
    mute: Mute,
}

/// How far the clocks of two sides drift apart while a call runs.
const CLOCKS: Duration = Duration::from_millis(10);

/// The effect of an answer.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Answered {
    /// It settled a call.
    Settled,
    /// The call was cancelled before.
    Late,
    /// The call was already answered.
    Again,
}

impl<T> Calling<T> {
    pub(crate) fn new(max_calls: usize, traits: Traits, limits: &Limits) -> Self {
        Self {
            calls: Calls::new(limits, max_calls),
            resumables: Resumables::default(),
            cancels: Vec::new(),
            has_cancel: traits.has_cancel,
            late_replies: 0,
            mute: Mute::new(limits.answer_window),
        }
    }

    /// Accepts a call under an id above all earlier ones, or returns the caller and why the call is
    /// refused.
    pub(crate) fn start(
        &mut self,
        id: CallId,
        call: Call,
        caller: T,
        now: Instant,
    ) -> Result<(), (T, CallErrorKind)> {
        let resumable = call.resumable.is_some().then(|| call.clone());
        let started = self.calls.start(id, call, caller, now);
        let Some(call) = resumable else { return started };
        match (started, call.continued()) {
            (Ok(()), _) => {
                self.resumables.add(id, call);
                Ok(())
            }
            (Err((caller, error)), Some(continued)) => {
                Err((caller, may_have_run(&error, continued)))
            }
            (refused, None) => refused,
        }
    }

    /// Holds calls back until those that go on are named: so all calls are sent on connections of
    /// which the peer knows, and what it runs from earlier ones takes its places first.
    pub(crate) fn hold(&mut self) {
        self.calls.hold();
    }

    /// Notes that no more calls go on.
    pub(crate) fn resumed(&mut self) {
        self.resumables.resumed();
    }

    /// Tells the peer that all calls that go on were named, when they are, and releases the others.
    /// Returns whether it did.
    pub(crate) fn transmit_resumed(
        &mut self,
        codec: &mut dyn Codec,
        out: &mut WriteBuffer,
        events: &mut Events<T>,
    ) -> bool {
        if self.calls.to_write().0 > 0 || !self.resumables.take_resumed() {
            return false;
        }
        codec.encode(&Message::Resumed, out);
        for (id, caller) in self.calls.release() {
            let error = CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None };
            let error = self.resumables.give_up(id, error);
            events.push_back(Event::Settled(caller, Settlement::Ended(error)));
        }
        true
    }

    /// Cancels a call; returns its caller, unless the call is already settled.
    pub(crate) fn cancel(&mut self, id: CallId, now: Instant) -> Option<(T, Stage)> {
        let (caller, stage) = self.calls.give_up(id)?;
        Some((caller, self.note_given_up(id, stage, now)))
    }

    /// Queues a Cancel, if the peer has received the call and the wire has Cancel. Returns how far
    /// the call has come, on this connection or on an earlier one.
    fn note_given_up(&mut self, id: CallId, stage: Stage, now: Instant) -> Stage {
        if stage == Stage::Sent && self.has_cancel {
            self.cancels.push(id);
        }
        if self.calls.is_given_up() {
            self.mute.begin(now);
        }
        if self.resumables.is_empty() { stage } else { self.resumables.cancel(id, stage) }
    }

    /// Handles the answer to a call, with its metadata.
    pub(crate) fn handle_answer(
        &mut self,
        id: CallId,
        answer: Answer,
        metadata: Metadata,
        now: Instant,
        events: &mut Events<T>,
    ) -> Result<Answered, ProtocolError> {
        let (caller, deadline) = match self.calls.answer(id) {
            Taken::Waited { caller, deadline } => (caller, deadline),
            Taken::GivenUp => {
                self.late_replies += 1;
                self.mute.end();
                return Ok(Answered::Late);
            }
            Taken::Again => return Ok(Answered::Again),
            Taken::NeverSent => return Err(ProtocolError::UnknownCall),
        };
        if !self.resumables.is_empty() {
            self.resumables.confirm(id);
        }
        let settlement = match answer {
            Err(Failure { status: status @ (Status::Cancelled | Status::Expired), .. })
                if deadline.is_some_and(|deadline| deadline <= now + CLOCKS) =>
            {
                // The peer's own timer has fired, a moment before this side's.
                let is_started = status == Status::Cancelled;
                let stage = if is_started { Stage::Sent } else { Stage::Expired };
                Settlement::Ended(CallErrorKind::DeadlineExceeded { stage })
            }
            answer => Settlement::Answered(answer, metadata),
        };
        events.push_back(Event::Settled(caller, settlement));
        Ok(Answered::Settled)
    }

    /// Settles the calls whose deadline has passed.
    pub(crate) fn expire(&mut self, now: Instant, events: &mut Events<T>) {
        for (id, caller, stage) in self.calls.expire(now) {
            let stage = self.note_given_up(id, stage, now);
            let error = CallErrorKind::DeadlineExceeded { stage };
            events.push_back(Event::Settled(caller, Settlement::Ended(error)));
        }
    }

    /// When to call [`expire`](Self::expire) next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.calls.next_deadline()
    }

    /// Whether the peer answers nothing.
    pub(crate) fn mute(&mut self) -> &mut Mute {
        &mut self.mute
    }

    /// When the peer has answered nothing for too long.
    pub(crate) fn mute_until(&self) -> Option<Instant> {
        self.mute.timeout()
    }

    /// Refuses the calls that wait for a place.
    pub(crate) fn refuse_waiting(&mut self, error: &CallErrorKind, events: &mut Events<T>) {
        while let Some((id, caller)) = self.calls.pop_waiting() {
            let error = self.resumables.give_up(id, error.clone());
            events.push_back(Event::Settled(caller, Settlement::Ended(error)));
        }
    }

    /// Refuses the calls that the peer will not start: those above an id, and those that are not
    /// sent.
    pub(crate) fn refuse_not_started(&mut self, last: CallId, events: &mut Events<T>) {
        for (id, caller) in self.calls.take_not_started(last) {
            let error = self.resumables.give_up(id, CallErrorKind::Draining);
            events.push_back(Event::Settled(caller, Settlement::Ended(error)));
        }
    }

    /// Settles all calls when the connection ends, except those that may go on if it `is_lost`;
    /// returns how many.
    pub(crate) fn abandon(
        &mut self,
        reason: DisconnectReason,
        generation: u64,
        is_lost: bool,
        events: &mut Events<T>,
    ) -> usize {
        self.cancels = Vec::new();
        self.mute.end();
        let Self { calls, resumables, .. } = self;
        let mut settled = 0;
        events.extend(calls.abandon().map(|(id, caller, deadline, stage)| {
            if let Some(suspension) = resumables.suspend(id, (generation, reason), deadline, stage)
            {
                if is_lost {
                    return Event::Suspended(caller, Box::new(suspension));
                }
                settled += 1;
                return Event::Settled(caller, Settlement::Ended(suspension.lost()));
            }
            settled += 1;
            let error = CallErrorKind::Disconnected { stage, reason, generation };
            Event::Settled(caller, Settlement::Ended(error))
        }));
        self.resumables.clear();
        settled
    }

    /// Encodes a Cancel for each cancelled call, and a Confirm for each answer to a resumable one.
    pub(crate) fn transmit_short(&mut self, codec: &mut dyn Codec, out: &mut WriteBuffer) {
        for id in self.cancels.drain(..) {
            codec.encode(&Message::Cancel(id), out);
        }
        if self.resumables.has_confirms() {
            self.resumables.transmit_confirms(codec, out);
        }
    }

    /// Encodes calls up to some 256 KiB; each counts as sent. True if none are left to send.
    #[inline]
    pub(crate) fn transmit(
        &mut self,
        codec: &mut dyn Codec,
        out: &mut WriteBuffer,
        now: Instant,
    ) -> bool {
        let (calls, bytes) = self.calls.to_write();
        if calls == 0 {
            return self.calls.are_all_sent();
        }
        out.reserve(calls, bytes);
        while out.remaining() < MAX_TRANSMIT {
            let Some((id, mut call, deadline)) = self.calls.next_to_write() else { break };
            // A timeout beyond the clock's range is no deadline.
            call.timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
            codec.encode(&sent(id, call), out);
        }
        self.calls.are_all_sent()
    }

    /// Whether no caller waits for an answer.
    pub(crate) fn is_awaited_by_nobody(&self) -> bool {
        self.calls.is_awaited_by_nobody()
    }

    /// Whether there is something to send.
    pub(crate) fn wants_transmit(&self) -> bool {
        !self.cancels.is_empty() || self.calls.to_write().0 > 0 || self.resumables.wants_transmit()
    }

    /// The table, for inspection.
    pub(crate) fn calls(&self) -> &Calls<T> {
        &self.calls
    }

    /// Answers that arrived after their call was cancelled.
    pub(crate) fn late_replies(&self) -> u64 {
        self.late_replies
    }

    /// Frees capacity that an idle connection doesn't need.
    pub(crate) fn free_room(&mut self) {
        self.calls.free_room();
    }

    /// Entries held in all parts; for tests of the bounds.
    pub(crate) fn footprint(&self) -> usize {
        self.calls.footprint() + self.cancels.len() + self.resumables.footprint()
    }
}

/// The message that sends a call.
#[inline]
fn sent(id: CallId, call: Call) -> Message {
    match call.continued() {
        None => Message::Call(id, call),
        Some(Continued { origin, .. }) => Message::Continue { id, origin, timeout: call.timeout },
    }
}
