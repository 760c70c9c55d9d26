//! A connection after the handshake, as a state machine: the calls that this side makes, the calls
//! that it answers, events in both directions, and the end.
//!
//! ```text
//!   calling   start_call, cancel ─▶ Calls ───▶ Call, Cancel      Answer ─▶ Settled
//!   serving   Call, Cancel ─▶ Running ─▶ answer ─▶ Outbox ─▶ Answer
//!   events    emit ─▶ Outbox ─▶ Event        Event ─▶ Message ─▶ return_credit ─▶ Credit
//!   ending    drain, leave ─▶ Drain, Leave ─▶ all answered ─▶ Goodbye
//! ```
//!
//! Which parts a side uses depends on its [role](Role) and on the agreed [terms](Terms): a side
//! that may make no calls has a limit of 0 calls.

mod calling;
mod calls;
mod credit;
mod deadlines;
mod ending;
mod handling;
mod mute;
mod outbox;
mod recalling;
mod resumables;
mod serving;
mod unsent;

use std::collections::VecDeque;
use std::time::Instant;

use brpc_core::limits::{MAX_METADATA_BYTES, MAX_METADATA_ENTRIES, MAX_TRACE};
use brpc_core::{
    Answer, CallErrorKind, DisconnectReason, Failure, Limits, Metadata, ProtocolError, Stage,
};
use thiserror::Error;

use self::calling::Calling;
use self::calls::Calls;
use self::credit::{Available, Granted};
use self::ending::Ending;
use self::outbox::Outbox;
use self::recalling::Recalling;
pub(crate) use self::resumables::may_have_run;
use self::serving::Serving;
use crate::buffer::WriteBuffer;
use crate::codec::{Codec, Traits, size};
use crate::event::{Event, Tally};
use crate::message::{Call, CallId, Features, Message};
use crate::role::Role;
use crate::terms::Terms;
use crate::time::earlier;

/// Events that the owner has not taken yet.
pub(crate) type Events<T> = VecDeque<Event<T>>;

/// Why an event can't be sent.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EmitError {
    /// The peer's consumers lag: there is no credit for this event at the moment.
    #[error("no credit left")]
    Full,
    /// The event is larger than the peer takes.
    #[error("an event of {size} bytes, and the limit is {limit}")]
    TooLarge {
        /// Bytes of the frame.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The connection has ended, or is about to: its last call was answered after one side drained
    /// or left.
    #[error("the connection has ended")]
    Closed,
}

/// A connection after the handshake. `T` is a caller; the session returns each caller that it
/// accepts exactly once.
#[derive(Debug)]
pub(crate) struct Session<T> {
    role: Role,
    /// What was agreed on.
    terms: Terms,
    /// What the wire can carry.
    traits: Traits,
    /// The calls that this side makes.
    calling: Calling<T>,
    /// The calls that this side answers.
    serving: Serving,
    /// Unsent answers and events, in order. Limited by `max_calls`, and by `max_unsent`.
    outbox: Outbox,
    /// The peer's credit.
    credit_in: Granted,
    /// This side's credit, if the wire has credit.
    credit_out: Option<Available>,
    /// The most unsent bytes of events, whatever the credit; and of answers, for the next handler to
    /// be started.
    max_unsent: usize,
    /// Whether an event was refused for lack of room, so that the owner waits for an
    /// [`Event::Credit`].
    is_room_wanted: bool,
    /// How the session is ending, if it is.
    ending: Option<Ending>,
    /// Whether the peer has sent Leave.
    has_peer_left: bool,
    /// Whether the plugin is to return afterwards: the hub has said so.
    returns: bool,
    /// What is still to be said of earlier connections; `None` if nothing is.
    recalling: Option<Recalling>,
    /// Calls answered and cut off since the session began to end.
    tally: Tally,
    /// Strikes of the peer.
    strikes: u32,
}

impl<T> Session<T> {
    pub(crate) fn new(
        role: Role,
        terms: Terms,
        traits: Traits,
        limits: &Limits,
        now: Instant,
    ) -> Self {
        let mut calling = Calling::new(terms.calls_out, traits, limits);
        let resumes = terms.features.has(Features::RESUME);
        if resumes && role == Role::Hub {
            calling.hold();
        }
        let recalling = || Recalling::new(role, limits.hello_deadline, now);
        Self {
            role,
            calling,
            serving: Serving::new(&terms),
            outbox: Outbox::default(),
            credit_in: Granted::new(terms.credit_in),
            credit_out: terms.credit_out.map(Available::new),
            max_unsent: limits.queue_bytes,
            is_room_wanted: false,
            ending: None,
            has_peer_left: false,
            returns: false,
            recalling: resumes.then(recalling),
            tally: Tally::default(),
            strikes: 0,
            terms,
            traits,
        }
    }

    /// Accepts a call under an id above all earlier ones, or returns the caller and why the call is
    /// refused.
    pub(crate) fn start_call(
        &mut self,
        id: CallId,
        mut call: Call,
        caller: T,
        now: Instant,
    ) -> Result<(), (T, CallErrorKind)> {
        if call.resumable.is_some() && !self.resumes() {
            call.resumable = None;
        }
        let checked = match &self.ending {
            Some(ending) => Err(ending.call_error()),
            None => call.check().and_then(|()| check_size(id, &call, self.terms.max_frame)),
        };
        match checked {
            Ok(()) => self.calling.start(id, call, caller, now),
            Err(error) => Err((
                caller,
                match call.continued() {
                    None => error,
                    Some(continued) => may_have_run(&error, continued),
                },
            )),
        }
    }

    /// Cancels a call; returns its caller, unless the call is already settled.
    pub(crate) fn cancel(&mut self, id: CallId, now: Instant) -> Option<(T, Stage)> {
        self.calling.cancel(id, now)
    }

    /// Answers a call; false if the call isn't running. Drops metadata above the limits, which the
    /// peer would treat as a breach.
    pub(crate) fn answer(
        &mut self,
        codec: &mut dyn Codec,
        id: CallId,
        mut answer: Answer,
        metadata: Metadata,
    ) -> bool {
        if !self.serving.finish(id) {
            return false;
        }
        serving::fit(id, &mut answer, self.terms.max_frame);
        let metadata = if metadata.is_sendable() { metadata } else { Metadata::new() };
        self.outbox.answer(codec, &Message::Answer { id, answer, metadata });
        true
    }

    /// Whether handlers may be started: not too many bytes of answers are unsent. If not, the owner
    /// gets an [`Event::Room`] later. One answer is always accepted.
    pub(crate) fn may_start(&mut self) -> bool {
        self.serving.is_start_wanted = !self.has_room_for_answers();
        !self.serving.is_start_wanted
    }

    fn has_room_for_answers(&self) -> bool {
        let unsent = self.outbox.answer_bytes();
        unsent == 0 || unsent < self.max_unsent
    }

    /// Sends an event, if there is credit for it.
    pub(crate) fn emit(&mut self, codec: &mut dyn Codec, event: &[u8]) -> Result<(), EmitError> {
        if self.is_leaving() {
            // Otherwise a side that never stops sending events would never send Goodbye.
            return Err(EmitError::Closed);
        }
        let (size, limit) = (size::of_event(event.len()), self.terms.max_frame);
        if size > limit {
            return Err(EmitError::TooLarge { size, limit });
        }
        // The credit limits what the peer has to hold; this limits what this side holds for a peer
        // that gives much credit and reads little. One event is always accepted.
        let unsent = self.outbox.event_bytes();
        if unsent > 0 && unsent + size > self.max_unsent {
            self.is_room_wanted = true;
            return Err(EmitError::Full);
        }
        if self.credit_out.as_mut().is_some_and(|credit| !credit.spend(event.len() as u64)) {
            return Err(EmitError::Full);
        }
        self.outbox.event(codec, event);
        Ok(())
    }

    /// Returns credit for consumed events.
    pub(crate) fn return_credit(&mut self, events: u32, bytes: u64) {
        self.credit_in.give_back(events, bytes);
    }

    /// Whether calls were cancelled that the owner may not have started.
    pub(crate) fn has_cancelled(&self) -> bool {
        self.serving.has_cancelled()
    }

    /// Answers the calls that were cancelled before the owner could start them, in its place.
    #[cold]
    pub(crate) fn withdraw_cancelled(&mut self, codec: &mut dyn Codec, events: &mut Events<T>) {
        for (id, status) in self.serving.withdraw(events) {
            let answer = Err(Failure::new(status, ""));
            self.outbox.answer(codec, &Message::Answer { id, answer, metadata: Metadata::new() });
        }
    }

    /// Whether there is room for any message that the peer may send next, so that this side may
    /// decode it. On a wire with credit the peer keeps to its limits by itself.
    pub(crate) fn has_room(&mut self, largest: usize) -> bool {
        if self.traits.has_credit {
            return true;
        }
        match self.role {
            Role::Hub => {
                self.credit_in.take_all();
                self.credit_in.covers(largest as u64)
            }
            Role::Plugin => self.serving.has_place(self.outbox.answers()),
        }
    }

    /// Handles expired deadlines; returns the reason if the session is over.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        events: &mut Events<T>,
    ) -> Option<DisconnectReason> {
        self.calling.expire(now, events);
        self.serving.expire(now, events);
        self.await_goodbye(now);
        self.overstayed(now).or_else(|| self.fell_silent(now)).or_else(|| self.withheld_resume(now))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = earlier(self.calling.next_deadline(), self.serving.next_deadline());
        let until = match &self.ending {
            None => self.calling.mute_until(),
            // One that is asked to leave, or leaves, has a time for that.
            Some(ending) => ending.until(),
        };
        let resume = self.recalling.as_ref().and_then(Recalling::timeout);
        earlier(deadlines, earlier(until, resume))
    }

    /// The reason, if the peer has answered nothing for too long.
    fn fell_silent(&mut self, now: Instant) -> Option<DisconnectReason> {
        let is_mute = self.ending.is_none() && self.calling.mute().is_over(now);
        is_mute.then_some(DisconnectReason::Unresponsive)
    }

    /// The reason, if the plugin has not said in time what it knows of earlier connections.
    fn withheld_resume(&mut self, now: Instant) -> Option<DisconnectReason> {
        let is_overdue = self.recalling.as_mut()?.is_overdue(now);
        is_overdue.then_some(DisconnectReason::Protocol(ProtocolError::NoResume))
    }

    /// Appends what is ready, some 256 KiB of it; each call in it counts as sent. Short frames that
    /// unblock others go first. True if nothing is left: all calls are answered, and Goodbye is
    /// due.
    pub(crate) fn poll_transmit(
        &mut self,
        codec: &mut dyn Codec,
        out: &mut WriteBuffer,
        now: Instant,
        events: &mut Events<T>,
    ) -> bool {
        self.say_leave(codec, out);
        self.calling.transmit_short(codec, out);
        if let Some((events, bytes)) = self.credit_in.take_returned() {
            codec.encode(&Message::Credit { events, bytes }, out);
        }
        let before = self.outbox.event_bytes();
        self.outbox.transmit(out);
        if self.outbox.event_bytes() < before && std::mem::take(&mut self.is_room_wanted) {
            events.push_back(Event::Credit);
        }
        if self.serving.is_start_wanted && self.has_room_for_answers() {
            self.serving.is_start_wanted = false;
            events.push_back(Event::Room);
        }
        let mut are_all_sent = self.calling.transmit(codec, out, now);
        if self.calling.transmit_resumed(codec, out, events) {
            self.refuse_drained(events);
            are_all_sent = self.calling.transmit(codec, out, now);
        }
        if are_all_sent {
            // After the last call, since Drain promises that none follows.
            self.say_drain(codec, out, now);
        }
        self.await_goodbye(now);
        self.is_done()
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has something to append or to return.
    pub(crate) fn wants_transmit(&self) -> bool {
        self.calling.wants_transmit()
            || self.credit_in.is_return_due()
            || !self.outbox.is_empty()
            || self.ending.as_ref().is_some_and(|ending| self.wants_to_say(ending))
    }

    /// About how many bytes there are to send.
    pub(crate) fn transmit_size(&self) -> usize {
        self.calls().unsent_bytes() + self.outbox.bytes()
    }

    /// Whether at most one call is in flight, and no event is unsent.
    pub(crate) fn is_quiet(&self) -> bool {
        let calls = self.calls().placed() + self.serving.running() + self.outbox.answers();
        calls <= 1 && self.outbox.event_bytes() == 0
    }

    /// What was agreed on.
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whether calls may go on over another connection.
    pub(crate) fn resumes(&self) -> bool {
        self.terms.features.has(Features::RESUME)
    }

    /// Tells the plugin that all calls that go on were named.
    pub(crate) fn resumed(&mut self) {
        self.calling.resumed();
    }

    /// Whether the session accepts calls of this side.
    pub(crate) fn is_ready(&self) -> bool {
        self.ending.is_none()
    }

    /// The calls of this side, for inspection.
    pub(crate) fn calls(&self) -> &Calls<T> {
        self.calling.calls()
    }

    /// Answers that arrived after their call was cancelled.
    pub(crate) fn late_replies(&self) -> u64 {
        self.calling.late_replies()
    }

    /// Calls of the peer that are not answered.
    pub(crate) fn running(&self) -> usize {
        self.serving.running()
    }

    /// Frees capacity that an idle connection doesn't need.
    pub(crate) fn free_room(&mut self) {
        self.calling.free_room();
        self.outbox.free_room();
    }

    /// Entries held in all parts; for tests of the limits.
    pub(crate) fn footprint(&self) -> usize {
        self.calling.footprint() + self.serving.footprint() + self.outbox.answers()
    }
}

/// Whether a call fits into a frame of at most this size. Its texts are checked before.
#[inline]
fn check_size(id: CallId, call: &Call, limit: usize) -> Result<(), CallErrorKind> {
    if call.payload.len() + LARGEST_HEADER <= limit {
        return Ok(());
    }
    let size = size::of_call(id, call);
    if size > limit { Err(CallErrorKind::InputTooLarge { size, limit }) } else { Ok(()) }
}

/// No header of a call is larger: with this much to spare, its size need not be known.
const LARGEST_HEADER: usize = 64 + MAX_TRACE + MAX_METADATA_BYTES + 4 * MAX_METADATA_ENTRIES;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Native;
    use crate::message::Welcome;

    fn plugin(credit: (u32, u64), queue_bytes: usize) -> Session<()> {
        let mut limits = Limits::default();
        limits.queue_bytes = queue_bytes;
        let welcome = Welcome {
            features: crate::message::Features::default(),
            epoch: [0; 16],
            name: String::new(),
            generation: 1,
            max_frame: 1 << 20,
            max_calls: 1,
            credit_events: credit.0,
            credit_bytes: credit.1,
            heartbeat: None,
        };
        let terms = Terms::of_plugin(welcome, 0, &limits);
        let traits = Native::new(Role::Plugin).traits();
        Session::new(Role::Plugin, terms, traits, &limits, Instant::now())
    }

    fn emit(session: &mut Session<()>, size: usize) -> Result<(), EmitError> {
        session.emit(&mut Native::new(Role::Plugin), &vec![b'0'; size])
    }

    #[test]
    fn a_hub_that_gives_much_credit_and_reads_little_is_not_held_for() {
        let mut session = plugin((u32::MAX, u64::MAX), 10_000);
        let sent = (0..100).take_while(|_| emit(&mut session, 1_000).is_ok()).count();
        assert!((1..10).contains(&sent));
        assert_eq!(emit(&mut session, 1_000), Err(EmitError::Full));
        let (mut out, mut events) = (WriteBuffer::new(), Events::new());
        session.poll_transmit(
            &mut Native::new(Role::Plugin),
            &mut out,
            Instant::now(),
            &mut events,
        );
        assert!(matches!(events.make_contiguous(), [Event::Credit]), "told once");
        assert_eq!(emit(&mut session, 1_000), Ok(()));
    }

    #[test]
    fn one_event_always_finds_room() {
        let mut session = plugin((8, 1 << 20), 0);
        assert_eq!(emit(&mut session, 100_000), Ok(()));
        assert_eq!(emit(&mut session, 1), Err(EmitError::Full));
    }
}
