//! The hub's side of a connection that is let in: makes calls, takes answers and events.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};

use super::calls::{Answered, Calls};
use super::credit::Granted;
use super::intake::{HandedCall, Room};
use super::new_call::{CallId, NewCall, millis};
use super::{DrainCause, Farewell, Settlement};
use crate::HubEvent;
use crate::answer::{Answer, Status};
use crate::codec::{FromPlugin, HubWire, ToPlugin};
use crate::limits::{MAX_STRIKES, MAX_TRANSMIT};
use crate::wire::{WriteBuffer, kind};
use crate::{CallError, DisconnectReason, Limits, Metadata, ProtocolError, Stage};

/// What was agreed on in the handshake, as the hub's session needs it.
#[derive(Clone, Debug)]
pub struct SessionTerms {
    /// The number of this connection.
    pub generation: u64,
    /// The largest frame that the plugin takes.
    pub max_frame: usize,
    /// The most calls at once.
    pub max_calls: usize,
}

/// How many calls a session that was asked to end still had, and what became of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tally {
    /// Calls that the plugin answered after it was asked to leave.
    pub finished: usize,
    /// Calls that were cut off.
    pub cut: usize,
    /// Whether the plugin had not left when its grace was over, and was cut off.
    pub overstayed: bool,
}

/// What the owner is still to be told.
type Events<T> = VecDeque<HubEvent<T>>;

/// The hub's side of a connection that is let in. `T` stands for a caller; each that is taken in
/// is handed back exactly once.
#[derive(Debug)]
pub(crate) struct HubSession<T> {
    /// What was agreed on.
    terms: SessionTerms,
    /// The calls that are not over.
    calls: Calls<T>,
    /// Given up after they were sent; the plugin is to be told.
    cancels: Vec<CallId>,
    /// Event credit.
    credit: Granted,
    /// Why no call is taken in any more.
    ending: Option<Ending>,
    /// Whether the plugin has said that it leaves.
    has_left: bool,
    /// Calls answered and cut since the session is ending.
    tally: Tally,
    /// Odd frames seen.
    strikes: u32,
    /// Answers to calls that were given up before.
    late_replies: u64,
}

/// A session that takes no new calls.
#[derive(Debug)]
enum Ending {
    /// The plugin wants to leave.
    Leaving,
    /// The hub wants it to leave.
    Draining {
        /// Why.
        cause: DrainCause,
        /// When it is cut off.
        until: Option<Instant>,
        /// The trace id of the request, until it is sent.
        to_send: Option<String>,
    },
}

impl<T> HubSession<T> {
    pub(crate) fn new(terms: SessionTerms, limits: &Limits) -> Self {
        Self {
            calls: Calls::new(limits, terms.max_calls),
            terms,
            cancels: Vec::new(),
            credit: Granted::new(limits.event_credit, limits.event_credit_bytes),
            ending: None,
            has_left: false,
            tally: Tally::default(),
            strikes: 0,
            late_replies: 0,
        }
    }

    /// Takes a call in, or gives the caller back with the reason why not.
    pub(crate) fn start_call(
        &mut self,
        call: NewCall,
        caller: T,
        now: Instant,
    ) -> Result<CallId, (T, CallError)> {
        if let Some(ending) = &self.ending {
            return Err((caller, ending.refusal()));
        }
        match call.check(call.payload.len(), self.terms.max_frame) {
            Ok(()) => self.calls.admit(call, caller, now),
            Err(error) => Err((caller, error)),
        }
    }

    /// The id given last, and what is sure to be taken in.
    pub(crate) fn offer(&self) -> (CallId, Room) {
        let room = match self.ending {
            Some(_) => Room::default(),
            None => self.calls.room(self.terms.max_frame),
        };
        (self.calls.last_id(), room)
    }

    /// Takes a call in that there was room for, and sends it if there is where to.
    pub(crate) fn take_over(
        &mut self,
        handed: HandedCall<'_, T>,
        wire: &mut HubWire,
        out: Option<&mut WriteBuffer>,
        now: Instant,
    ) -> Result<(), (T, CallError)> {
        if let Some(ending) = &self.ending {
            return Err((handed.caller, ending.refusal()));
        }
        if let Some(out) = out
            && self.calls.is_free()
            && out.remaining() < MAX_TRANSMIT
        {
            let HandedCall { call, input, caller } = handed;
            let deadline = call.deadline(now);
            // More time than any clock has is no limit.
            let left = deadline.and(call.timeout);
            let id = self.calls.admit_written(caller, deadline);
            wire.handed_call(id, call, input, left, out);
            return Ok(());
        }
        let (call, caller) = handed.unpack();
        self.calls.admit(call, caller, now).map(drop)
    }

    /// Gives a call up; its caller is handed back if it still waits.
    pub(crate) fn cancel(&mut self, id: CallId) -> Option<(T, Stage)> {
        let (caller, stage) = self.calls.give_up(id)?;
        if stage == Stage::Sent {
            self.cancels.push(id);
        }
        Some((caller, stage))
    }

    /// Gives credit back for events that were consumed.
    pub(crate) fn return_credit(&mut self, events: u32, bytes: u64) {
        self.credit.give_back(events, bytes);
    }

    /// Whether there is credit for any event, of a plugin that knows nothing of credit.
    pub(crate) fn has_room_for_event(&mut self, largest: usize) -> bool {
        self.credit.take_all();
        self.credit.covers(largest as u64)
    }

    /// What the end of the stream means on a wire that has no goodbye: of a plugin that was asked to
    /// leave and has answered all calls, that it has left.
    pub(crate) fn reason_of_silence(&self) -> Option<DisconnectReason> {
        let was_asked = matches!(self.ending, Some(Ending::Draining { to_send: None, .. }));
        (was_asked && self.calls.len() == 0).then(|| self.reason_of(Farewell::Done))
    }

    /// Takes no more calls, lets those that are sent finish, and asks the plugin to leave.
    pub(crate) fn drain(
        &mut self,
        cause: DrainCause,
        trace: &str,
        until: Option<Instant>,
        events: &mut Events<T>,
    ) {
        if let Some(Ending::Draining { until: earlier, .. }) = &mut self.ending {
            *earlier = [*earlier, until].into_iter().flatten().min();
            return;
        }
        let ending = Ending::Draining { cause, until, to_send: Some(trace.to_owned()) };
        while let Some(caller) = self.calls.pop_waiting() {
            events.push_back(HubEvent::Settled(caller, Settlement::Ended(ending.refusal())));
        }
        self.ending = Some(ending);
    }

    /// Takes a message in; an error if it breaks the protocol, the reason if the plugin has left.
    pub(crate) fn handle(
        &mut self,
        message: FromPlugin,
        events: &mut Events<T>,
    ) -> Result<Option<DisconnectReason>, ProtocolError> {
        match message {
            FromPlugin::Answer { id, answer } => {
                self.handle_answer(id, || answer, Metadata::new(), events)?;
            }
            FromPlugin::Event(message) => {
                // Without credit only at the end, when no more can come.
                let _ = self.credit.spend(message.len() as u64);
                events.push_back(HubEvent::Message(message));
            }
        }
        Ok(None)
    }

    /// Takes an event in.
    pub(crate) fn handle_event(
        &mut self,
        message: Bytes,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        self.credit.spend(message.len() as u64)?;
        events.push_back(HubEvent::Message(message));
        Ok(())
    }

    /// Takes the plugin's goodbye in; why the connection ends.
    pub(crate) fn handle_goodbye(
        &mut self,
        farewell: Farewell,
        words: Option<String>,
        events: &mut Events<T>,
    ) -> DisconnectReason {
        events.extend(words.map(HubEvent::LastWords));
        self.reason_of(farewell)
    }

    /// Does what is due; the reason if the session is over.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        events: &mut Events<T>,
    ) -> Option<DisconnectReason> {
        for (id, caller, stage) in self.calls.expire(now) {
            if stage == Stage::Sent {
                self.cancels.push(id);
            }
            let error = CallError::DeadlineExceeded { stage };
            events.push_back(HubEvent::Settled(caller, Settlement::Ended(error)));
        }
        match self.ending {
            Some(Ending::Draining { cause, until: Some(until), .. }) if until <= now => {
                self.tally.overstayed = true;
                Some(match cause {
                    DrainCause::Unplug => DisconnectReason::Unplugged,
                    DrainCause::Shutdown => DisconnectReason::ShutdownForced,
                })
            }
            _ => None,
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let until = match self.ending {
            Some(Ending::Draining { until, .. }) => until,
            _ => None,
        };
        [self.calls.next_deadline(), until].into_iter().flatten().min()
    }

    /// Appends what is ready, some 256 KiB of it; each call among it counts as sent.
    pub(crate) fn poll_transmit(
        &mut self,
        wire: &mut HubWire,
        out: &mut WriteBuffer,
        now: Instant,
    ) {
        for id in self.cancels.drain(..) {
            wire.encode(ToPlugin::Cancel { id }, out);
        }
        if let Some((events, bytes)) = self.credit.take_returned() {
            wire.encode(ToPlugin::Credit { events, bytes }, out);
        }
        let (calls, bytes) = self.calls.to_write();
        out.reserve(calls, bytes);
        while out.remaining() < MAX_TRANSMIT {
            let Some((id, call, deadline)) = self.calls.next_to_write() else { break };
            let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
            wire.call(id, &call, left, out);
        }
        if self.has_unwritten() {
            return;
        }
        // After the last call, so that the plugin knows that none follows.
        if let Some(Ending::Draining { cause, until, to_send }) = &mut self.ending
            && let Some(trace) = to_send.take()
        {
            let grace = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
            let drain = ToPlugin::Drain { cause: *cause, grace_ms: millis(grace), trace: &trace };
            wire.encode(drain, out);
        }
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has something to append.
    pub(crate) fn wants_transmit(&self) -> bool {
        !self.cancels.is_empty()
            || self.credit.is_return_due()
            || self.has_unwritten()
            || matches!(self.ending, Some(Ending::Draining { to_send: Some(_), .. }))
    }

    fn has_unwritten(&self) -> bool {
        self.calls.to_write().0 > 0
    }

    /// Ends the session: every caller that still waits is told the reason.
    pub(crate) fn close(&mut self, reason: DisconnectReason, events: &mut Events<T>) -> Tally {
        let generation = self.terms.generation;
        for (caller, stage) in self.calls.abandon() {
            self.tally.cut += usize::from(self.ending.is_some());
            let error = CallError::Disconnected { stage, reason, generation };
            events.push_back(HubEvent::Settled(caller, Settlement::Ended(error)));
        }
        self.cancels = Vec::new();
        self.tally
    }

    /// What was agreed on.
    pub(crate) fn terms(&self) -> &SessionTerms {
        &self.terms
    }

    /// Whether calls are taken in.
    pub(crate) fn is_ready(&self) -> bool {
        self.ending.is_none()
    }

    /// The table of calls, to look at.
    pub(crate) fn calls(&self) -> &Calls<T> {
        &self.calls
    }

    /// Gives back room that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        self.calls.free_room();
    }

    /// Entries held in all parts; for tests of the bounds.
    pub(crate) fn footprint(&self) -> usize {
        self.calls.footprint() + self.cancels.len()
    }

    /// Answers that came after their call was given up.
    pub(crate) fn late_replies(&self) -> u64 {
        self.late_replies
    }

    /// Takes the answer to a call in, with what goes along with it.
    pub(crate) fn handle_answer(
        &mut self,
        id: CallId,
        answer: impl FnOnce() -> Answer,
        metadata: Metadata,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        match self.calls.answer(id) {
            Answered::Settles { caller, has_deadline } => {
                let settlement = match answer() {
                    // Nobody here gave it up, so the plugin did when the call's time was over, and
                    // says so a moment before this side's own timer fires.
                    Err(failure) if failure.status == Status::Cancelled && has_deadline => {
                        let stage = Stage::Sent;
                        Settlement::Ended(CallError::DeadlineExceeded { stage })
                    }
                    answer => Settlement::Answered(answer, metadata),
                };
                self.tally.finished += usize::from(self.ending.is_some());
                events.push_back(HubEvent::Settled(caller, settlement));
            }
            Answered::Late => self.late_replies += 1,
            Answered::Again => self.strike()?,
            Answered::NeverSent => return Err(ProtocolError::UnknownCall),
        }
        Ok(())
    }

    /// Takes in that the plugin leaves, and starts no call above this id.
    pub(crate) fn handle_leave(
        &mut self,
        last_id: CallId,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        if std::mem::replace(&mut self.has_left, true) {
            return Err(ProtocolError::UnexpectedFrame { kind: kind::LEAVE });
        }
        for caller in self.calls.take_not_started(last_id) {
            let settlement = Settlement::Ended(CallError::Draining);
            events.push_back(HubEvent::Settled(caller, settlement));
        }
        // A hub that asked it to leave goes on waiting for the same end.
        if self.ending.is_none() {
            self.ending = Some(Ending::Leaving);
        }
        Ok(())
    }

    /// What the plugin's goodbye means, considering what it was asked.
    fn reason_of(&self, farewell: Farewell) -> DisconnectReason {
        match (farewell, &self.ending) {
            (Farewell::Protocol | Farewell::TooSlow, _) => DisconnectReason::Rejected,
            (_, Some(Ending::Draining { cause: DrainCause::Unplug, .. })) => {
                DisconnectReason::Unplugged
            }
            (_, Some(Ending::Draining { cause: DrainCause::Shutdown, .. })) => {
                DisconnectReason::Shutdown
            }
            _ => DisconnectReason::Clean,
        }
    }

    /// Counts something odd.
    pub(crate) fn strike(&mut self) -> Result<(), ProtocolError> {
        self.strikes += 1;
        if self.strikes > MAX_STRIKES { Err(ProtocolError::TooManyStrikes) } else { Ok(()) }
    }
}

impl Ending {
    /// What a call is told that comes too late.
    fn refusal(&self) -> CallError {
        match self {
            Self::Draining { cause: DrainCause::Shutdown, .. } => CallError::ShuttingDown,
            Self::Leaving | Self::Draining { .. } => CallError::Draining,
        }
    }
}
