//! The plugin's side of a connection that is let in: takes calls, gives answers and events.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use thiserror::Error;

use super::CallId;
use super::Farewell;
use super::calls::IdHasher;
use super::credit::Available;
use super::deadlines::Deadlines;
use super::outbox::Outbox;
use crate::PluginEvent;
use crate::answer::{Answer, Failure, Status};
use crate::codec::{FromHub, PluginWire, ToHub};
use crate::limits::MAX_STRIKES;
use crate::wire::{WriteBuffer, kind};
use crate::{DisconnectReason, Metadata, ProtocolError};

/// A call to answer.
#[derive(Clone, Debug)]
pub struct IncomingCall {
    /// Goes with the answer.
    pub id: CallId,
    /// Which of the described methods.
    pub method: u32,
    /// When its time is over; `None` if it has no limit.
    pub deadline: Option<Instant>,
    /// The caller's trace id; may be empty.
    pub trace: String,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// The encoded input; empty for none.
    pub payload: Bytes,
}

/// Why an event can't be sent.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EmitError {
    /// The hub's consumers are behind; there is no credit for this event at the moment.
    #[error("no credit left")]
    Full,
    /// The event is larger than the hub takes.
    #[error("an event of {size} bytes, and the limit is {limit}")]
    TooLarge {
        /// Bytes of the frame.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The connection has ended, or is about to: its last call was answered after one of the sides
    /// asked for the end.
    #[error("the connection has ended")]
    Closed,
}

/// What was agreed on in the handshake, as the plugin's session needs it.
#[derive(Clone, Debug)]
pub(crate) struct PluginTerms {
    /// How many methods were described; `None` if the hub calls them by name, which may be any.
    pub(crate) methods: Option<u32>,
    /// The largest frame that the hub takes.
    pub(crate) max_frame: usize,
    /// The most calls at once.
    pub(crate) max_calls: usize,
    /// Events that may be sent ahead, and bytes of them; `None` if the hub gives no credit.
    pub(crate) credit: Option<(u32, u64)>,
    /// The most bytes of events that wait to be sent, whatever the credit.
    pub(crate) max_unsent: usize,
}

/// What the owner is still to be told.
type Events = VecDeque<PluginEvent>;

/// The plugin's side of a connection that is let in.
#[derive(Debug)]
pub(crate) struct PluginSession {
    /// What was agreed on.
    terms: PluginTerms,
    /// Calls that are not answered.
    running: HashMap<CallId, Running, std::hash::BuildHasherDefault<IdHasher>>,
    /// When to look whose time is over.
    deadlines: Deadlines,
    /// The id of the newest call, started or not.
    last_id: CallId,
    /// Answers and events to be sent, in order. Bounded: by the calls at once, and by the room for
    /// events.
    outbox: Outbox,
    /// Whether an event was turned away for want of room, and somebody waits for it.
    is_room_wanted: bool,
    /// What may be sent ahead, if the hub says so.
    credit: Option<Available>,
    /// How the session is ending, if it is.
    ending: Option<Ending>,
    /// Odd frames seen.
    strikes: u32,
}

/// A call that is not answered.
#[derive(Debug)]
struct Running {
    /// When its time is over; `None` if it has no limit.
    deadline: Option<Instant>,
    /// Whether nobody waits for it any more, and the owner was told.
    is_cancelled: bool,
}

/// A session that is to end when what runs has ended.
#[derive(Debug)]
enum Ending {
    /// The plugin wants to leave; the hub has yet to be told.
    LeaveUnsent,
    /// The plugin wants to leave. Calls above this id are not started.
    Leaving(CallId),
    /// The hub wants it to.
    Draining,
}

impl PluginSession {
    pub(crate) fn new(terms: PluginTerms) -> Self {
        Self {
            credit: terms.credit.map(|(events, bytes)| Available::new(events, bytes)),
            terms,
            running: HashMap::default(),
            deadlines: Deadlines::default(),
            last_id: 0,
            outbox: Outbox::default(),
            is_room_wanted: false,
            ending: None,
            strikes: 0,
        }
    }

    /// Gives a call's answer; false if it has none to give any more. Metadata that the hub would take
    /// for a breach is left out.
    pub(crate) fn answer(
        &mut self,
        wire: &mut PluginWire,
        id: CallId,
        answer: Answer,
        metadata: &Metadata,
    ) -> bool {
        const NONE: &Metadata = &Metadata::new();
        if self.running.remove(&id).is_none() {
            return false;
        }
        let answer = answer.and_then(|output| self.fitting(output)).map_err(|f| self.cut(f));
        let metadata = if metadata.is_sendable() { metadata } else { NONE };
        self.outbox.answer(wire, id, &answer, metadata);
        true
    }

    /// Sends an event, if there is credit for it.
    pub(crate) fn emit(&mut self, wire: &mut PluginWire, event: &[u8]) -> Result<(), EmitError> {
        if self.is_leaving() {
            // Who never stops sending events would keep the goodbye from being said.
            return Err(EmitError::Closed);
        }
        let (size, limit) = (event.len() + 1, self.terms.max_frame);
        if size > limit {
            return Err(EmitError::TooLarge { size, limit });
        }
        // The hub's credit bounds what it has to hold; this bounds what is held here for a hub that
        // gives much credit and reads little. One event always finds room.
        let unsent = self.outbox.event_bytes();
        if unsent > 0 && unsent + size > self.terms.max_unsent {
            self.is_room_wanted = true;
            return Err(EmitError::Full);
        }
        if self.credit.as_mut().is_some_and(|credit| !credit.spend(event.len() as u64)) {
            return Err(EmitError::Full);
        }
        self.outbox.event(wire, event);
        Ok(())
    }

    /// Takes no more calls, and says goodbye when those that run have ended.
    pub(crate) fn leave(&mut self) {
        if self.ending.is_none() {
            self.ending = Some(Ending::LeaveUnsent);
        }
    }

    /// Takes a message in; an error if it breaks the protocol, the reason if the hub has closed.
    pub(crate) fn handle(
        &mut self,
        message: FromHub,
        now: Instant,
        events: &mut Events,
    ) -> Result<Option<DisconnectReason>, ProtocolError> {
        match message {
            FromHub::Call { id, method, timeout, trace, metadata, payload } => {
                let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
                let call = IncomingCall { id, method, deadline, trace, metadata, payload };
                self.handle_call(call, events)?;
            }
            FromHub::Cancel { id } => {
                if id == 0 || id > self.last_id {
                    return Err(ProtocolError::UnknownCall);
                }
                self.handle_cancel(id, events);
            }
            FromHub::Credit { events: count, bytes } => {
                if !self.credit.as_mut().is_some_and(|credit| credit.add(count, bytes)) {
                    return Err(ProtocolError::CreditExceeded);
                }
                // Told once for all that come in one go, or a flood of them would pile up.
                if !matches!(events.back(), Some(PluginEvent::Credit)) {
                    events.push_back(PluginEvent::Credit);
                }
            }
            FromHub::Drain { cause, trace } => {
                if matches!(self.ending, Some(Ending::Draining)) {
                    return Err(ProtocolError::UnexpectedFrame { kind: kind::DRAIN });
                }
                self.ending = Some(Ending::Draining);
                events.push_back(PluginEvent::Drain(cause, trace));
            }
            FromHub::Refused(refusal) => {
                events.push_back(PluginEvent::Refused(refusal));
                return Ok(Some(DisconnectReason::Refused));
            }
            FromHub::Goodbye { farewell, words } => {
                events.extend(words.map(PluginEvent::LastWords));
                return Ok(Some(match farewell {
                    Farewell::Unplugged => DisconnectReason::Unplugged,
                    Farewell::ShuttingDown => DisconnectReason::ShutdownForced,
                    Farewell::Protocol | Farewell::TooSlow => DisconnectReason::Rejected,
                    Farewell::Done | Farewell::Other(_) => DisconnectReason::Clean,
                }));
            }
            FromHub::Skipped => {
                self.strikes += 1;
                if self.strikes > MAX_STRIKES {
                    return Err(ProtocolError::TooManyStrikes);
                }
            }
        }
        Ok(None)
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, events: &mut Events) {
        let wanted = self.running.iter().filter(|(_, call)| !call.is_cancelled);
        let limited = wanted.filter_map(|(id, call)| Some((*id, call.deadline?)));
        for id in self.deadlines.take_due(now, limited) {
            self.handle_cancel(id, events);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Appends frames that are ready, some 256 KiB of them. True if the last was the last of all:
    /// what ran has ended, and a goodbye is due.
    pub(crate) fn poll_transmit(
        &mut self,
        wire: &mut PluginWire,
        out: &mut WriteBuffer,
        events: &mut Events,
    ) -> bool {
        if matches!(self.ending, Some(Ending::LeaveUnsent)) {
            wire.encode(ToHub::Leave { last_id: self.last_id }, out);
            self.ending = Some(Ending::Leaving(self.last_id));
        }
        let before = self.outbox.event_bytes();
        self.outbox.transmit(out);
        if self.outbox.event_bytes() < before && std::mem::take(&mut self.is_room_wanted) {
            events.push_back(PluginEvent::Credit);
        }
        self.is_done()
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has something to append.
    pub(crate) fn wants_transmit(&self) -> bool {
        !self.outbox.is_empty()
            || matches!(self.ending, Some(Ending::LeaveUnsent))
            || self.is_done()
    }

    /// About how many bytes there are to send.
    pub(crate) fn transmit_size(&self) -> usize {
        self.outbox.bytes()
    }

    /// Whether at most one call is in progress, and no event is to be sent.
    pub(crate) fn is_quiet(&self) -> bool {
        self.running.len() + self.outbox.answers() <= 1 && self.outbox.event_bytes() == 0
    }

    /// Whether the hub wants the plugin to leave.
    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.ending, Some(Ending::Draining))
    }

    /// Calls that are not answered.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// Gives back room that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        self.outbox.free_room();
    }

    /// Entries held in all parts; for tests of the bounds.
    pub(crate) fn footprint(&self) -> usize {
        self.running.len() + self.outbox.answers()
    }

    /// Whether nothing runs any more, and only the goodbye is to follow what is to be sent.
    fn is_leaving(&self) -> bool {
        matches!(self.ending, Some(Ending::Leaving(_) | Ending::Draining))
            && self.running.is_empty()
    }

    fn is_done(&self) -> bool {
        self.is_leaving() && self.outbox.is_empty()
    }

    fn handle_call(
        &mut self,
        call: IncomingCall,
        events: &mut Events,
    ) -> Result<(), ProtocolError> {
        if call.id <= self.last_id {
            return Err(ProtocolError::CallIdOrder);
        }
        if self.terms.methods.is_some_and(|methods| call.method >= methods) {
            return Err(ProtocolError::UnknownMethod);
        }
        // Also of a call that is not started: the hub can still cancel it, even after it has asked
        // this plugin to leave.
        self.last_id = call.id;
        match self.ending {
            // Sent before the hub heard that this plugin leaves; it knows that they don't start.
            Some(Ending::Leaving(last_id)) if call.id > last_id => return Ok(()),
            Some(Ending::Draining) => {
                return Err(ProtocolError::UnexpectedFrame { kind: kind::CALL });
            }
            _ => {}
        }
        if !self.has_place() {
            return Err(ProtocolError::TooManyCalls);
        }
        if let Some(deadline) = call.deadline {
            self.deadlines.note(deadline);
        }
        self.running.insert(call.id, Running { deadline: call.deadline, is_cancelled: false });
        events.push_back(PluginEvent::Call(call));
        Ok(())
    }

    /// Whether one more call may be in progress.
    pub(crate) fn has_place(&self) -> bool {
        self.running.len() + self.outbox.answers() < self.terms.max_calls
    }

    /// Tells the owner once that nobody waits for a call.
    fn handle_cancel(&mut self, id: CallId, events: &mut Events) {
        if let Some(call) = self.running.get_mut(&id)
            && !std::mem::replace(&mut call.is_cancelled, true)
        {
            events.push_back(PluginEvent::Cancel(id));
        }
    }

    /// An output, or a failure if the hub would not take a frame of its size.
    fn fitting(&self, output: Bytes) -> Answer {
        const NUMBERS: usize = 1 + 10;
        let (size, limit) = (output.len() + NUMBERS, self.terms.max_frame);
        if size <= limit {
            return Ok(output);
        }
        let problem = format!("it makes a frame of {size} bytes, and the limit is {limit}");
        Err(Failure::new(Status::InvalidOutput, problem))
    }

    /// A failure that the hub takes: long texts cut, and data that doesn't fit left out.
    fn cut(&self, mut failure: Failure) -> Failure {
        const NUMBERS: usize = 1 + 10 + 1 + 2 + 2;
        crate::error::cut(&mut failure.code, crate::MAX_ERROR_TEXT);
        crate::error::cut(&mut failure.message, crate::MAX_ERROR_TEXT);
        let size = NUMBERS + failure.code.len() + failure.message.len() + failure.data.len();
        if size > self.terms.max_frame {
            failure.data = Bytes::new();
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_that_gives_much_credit_and_reads_little_is_not_held_for() {
        let mut session = PluginSession::new(PluginTerms {
            methods: Some(0),
            max_frame: 1 << 20,
            max_calls: 1,
            credit: Some((u32::MAX, u64::MAX)),
            max_unsent: 10_000,
        });
        let event = Bytes::from(vec![b'0'; 1_000]);
        let sent =
            (0..100).take_while(|_| session.emit(&mut PluginWire::Native, &event).is_ok()).count();
        assert!((1..10).contains(&sent));
        assert_eq!(session.emit(&mut PluginWire::Native, &event), Err(EmitError::Full));
        let (mut out, mut events) = (WriteBuffer::new(), Events::new());
        session.poll_transmit(&mut PluginWire::Native, &mut out, &mut events);
        assert!(matches!(events.make_contiguous(), [PluginEvent::Credit]), "told once");
        assert_eq!(session.emit(&mut PluginWire::Native, &event), Ok(()));
    }

    #[test]
    fn one_event_always_finds_room() {
        let terms = PluginTerms {
            methods: Some(0),
            max_frame: 1 << 20,
            max_calls: 1,
            credit: Some((8, 1 << 20)),
            max_unsent: 0,
        };
        let mut session = PluginSession::new(terms);
        assert_eq!(
            session.emit(&mut PluginWire::Native, &Bytes::from(vec![b'0'; 100_000])),
            Ok(())
        );
        assert_eq!(
            session.emit(&mut PluginWire::Native, &Bytes::from_static(b"1")),
            Err(EmitError::Full)
        );
    }
}
