//! The half of a connection that its driver calls.

use std::time::Instant;

use brpc_core::{DisconnectReason, ProtocolError, Refusal, RefusalCode, Wire};
use bytes::{Buf as _, BytesMut};

use super::{Connection, Phase, later};
use crate::buffer::WriteBuffer;
use crate::codec::Fault;
use crate::event::Event;
use crate::handshake::{HubHandshake, HubStep, PluginStep};
use crate::limits::{FREE_INPUT, HELD_INPUT, IDLE_PLACES, MAX_HELLO};
use crate::message::Message;
use crate::role::Role;
use crate::session::{Events, Session};
use crate::sniff::{Sniffed, sniff};
use crate::stranger;
use crate::time::earlier;
use crate::wires::{Carries, WireEntry, Wires};

/// How a transport ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// The peer has closed its direction.
    Eof,
    /// The transport failed.
    Failed,
}

impl<T> Connection<T> {
    /// Decodes and handles the whole messages in the input. A call that is cancelled in it doesn't
    /// reach the owner.
    pub fn handle_input(&mut self, input: &mut BytesMut, now: Instant) {
        self.stream.is_held = false;
        self.stream.note_arrived(input);
        let took_message = self.take_messages(input, now);
        if let Phase::Session(session) = &mut self.phase
            && session.has_cancelled()
        {
            session.withdraw_cancelled(&mut *self.codec, &mut self.events);
        }
        if self.stream.note_input(input, took_message, now) {
            self.events.push_back(Event::Alive);
        }
    }

    /// Whether the connection takes input. If not, the driver must still offer the input that it has
    /// read.
    pub fn takes_input(&self) -> bool {
        !self.stream.is_held
    }

    /// The most bytes of input that the driver may hold; it must read no more, so that the transport
    /// applies backpressure to the peer. Little in the handshake, since many connections may be in
    /// theirs; of a registered peer that is held back, enough to notice in most cases that it is
    /// gone.
    pub fn input_limit(&self) -> usize {
        match &self.phase {
            Phase::Sniffing(..) | Phase::Joining(_) => FREE_INPUT,
            // The rest is for the stream above.
            Phase::HandingOver(_) => 0,
            Phase::Accepting(handshake) => handshake.input_limit(),
            Phase::Session(_) if self.stream.is_held => HELD_INPUT,
            Phase::Session(_) | Phase::Closed { .. } => usize::MAX,
        }
    }

    /// The transport is about to end while input is held back: handles the messages in it that must
    /// not be lost.
    pub fn handle_rest(&mut self, input: &mut BytesMut, now: Instant) {
        // Answers, and those events that were already read; but no calls, since their answers could
        // not be sent.
        if self.role == Role::Hub {
            self.takes_all = true;
            self.handle_input(input, now);
        }
    }

    /// The transport has ended. What the owner was to be asked about the plugin is withdrawn.
    pub fn handle_end(&mut self, end: End) {
        let mut reason = self.stream.reason_of(end);
        if let Phase::Session(session) = &self.phase
            && reason == DisconnectReason::Unclean
        {
            reason = session.reason_of_silence().unwrap_or(reason);
        }
        self.end(reason, None);
    }

    /// Handles what is due. The driver must read what the transport has before it calls this again:
    /// a peer that seems too slow is checked twice, since this side may have been the slow one.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_late = self.hello_deadline <= now;
        if self.gives_way.is_some() && self.awaits_peer() {
            let message = "too many connections are in their handshake";
            return self.refuse(later(RefusalCode::Full, message));
        }
        match &mut self.phase {
            // It has begun with something else than a preface.
            Phase::Sniffing(_, first) if is_late && !first.is_empty() => {
                let first = std::mem::take(first);
                self.turn_away(Wire::Unknown, None, &first);
            }
            Phase::Sniffing(wires, _) if is_late => {
                let mut waited = self.limits.hello_deadline;
                if let Some((silence, codec)) = wires.most_silent() {
                    // Whoever was silent for so long is most likely one that may be.
                    (self.codec, waited) = (codec(), waited.max(silence));
                }
                let message = format!(
                    "no plugin has introduced itself on this connection within {waited:?}; connect \
                     when it is ready"
                );
                self.refuse(later(RefusalCode::HandshakeTimeout, &message));
            }
            Phase::Accepting(_) if is_late => {
                let waited = self.limits.hello_deadline;
                let message = format!("the handshake took more than {waited:?}");
                self.refuse(later(RefusalCode::HandshakeTimeout, &message));
            }
            Phase::Joining(_) if is_late => self.close(DisconnectReason::SlowSender),
            Phase::Session(session) => {
                let reason = session
                    .handle_timeout(now, &mut self.events)
                    .or_else(|| self.stream.handle_timeout(now));
                if let Some(reason) = reason {
                    self.close(reason);
                }
            }
            _ => {}
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next, if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Closed { .. } => None,
            Phase::Session(session) => earlier(session.poll_timeout(), self.stream.poll_timeout()),
            _ => {
                let gives_way = self.gives_way.filter(|_| self.awaits_peer());
                Some(gives_way.unwrap_or(self.hello_deadline))
            }
        }
    }

    /// The transport took `bytes`, and `more` are still to be written.
    pub fn handle_written(&mut self, bytes: usize, more: bool, now: Instant) {
        self.stream.note_output(bytes, more, now);
    }

    /// Appends bytes to write, if any are ready. They count as sent, so the driver must write them
    /// soon.
    pub fn poll_transmit(&mut self, out: &mut WriteBuffer, now: Instant) {
        // Asked far more often than there is something.
        if !self.wants_transmit() {
            return;
        }
        let before = out.remaining();
        if !self.awaits_welcome() {
            out.append(&mut self.control);
        }
        if self.stream.wants_transmit() {
            for beat in self.stream.transmit(now).into_iter().flatten() {
                self.codec.encode(&beat, out);
            }
        }
        if let Phase::Session(session) = &mut self.phase
            && session.poll_transmit(&mut *self.codec, out, now, &mut self.events)
            // The last answers go out first: a connection that has ended is closed soon.
            && out.remaining() == before
        {
            self.close(DisconnectReason::Clean);
            out.append(&mut self.control);
        }
        if out.remaining() > before {
            self.stream.note_sent(now);
        }
        self.stream.note_output(0, !out.is_empty(), now);
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) would give something.
    pub fn wants_transmit(&self) -> bool {
        !(self.control.is_empty() || self.awaits_welcome())
            || self.stream.wants_transmit()
            || matches!(&self.phase, Phase::Session(session) if session.wants_transmit())
    }

    /// About how many bytes [`poll_transmit`](Self::poll_transmit) could give.
    pub fn transmit_size(&self) -> usize {
        self.session().map_or(0, Session::transmit_size)
    }

    /// Whether at most one call is in flight, and no event is unsent.
    pub fn is_quiet(&self) -> bool {
        self.session().is_none_or(Session::is_quiet)
    }

    /// Whether there are events for the owner.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether some of the events may be of no use once more input was read: calls that the peer has
    /// cancelled since.
    pub fn may_withdraw_events(&self) -> bool {
        self.role == Role::Plugin && self.has_events()
    }

    /// Whether the owner is about to be asked about a plugin in its handshake. The driver reads until
    /// there is nothing more, so that [`handle_end`](Self::handle_end) comes first if it is known that
    /// the plugin has gone: one that gave its dial up takes no name. Where plugins don't wait for a Welcome, one that
    /// has gone may have sent events.
    pub fn asks_owner(&self) -> bool {
        matches!(&self.phase, Phase::Accepting(handshake) if !handshake.awaits_peer())
            && self.has_events()
            && self.traits().has_welcome
    }

    /// All events for the owner, in exchange for an empty queue.
    pub fn swap_events(&mut self, events: &mut Events<T>) {
        std::mem::swap(&mut self.events, events);
    }

    /// Whether the connection has ended. [`poll_transmit`](Self::poll_transmit) may still return a
    /// goodbye.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }

    /// Frees capacity that an idle connection doesn't need.
    pub fn free_room(&mut self) {
        if let Phase::Session(session) = &mut self.phase {
            session.free_room();
        }
        if self.events.is_empty() && self.events.capacity() > IDLE_PLACES {
            self.events = Events::new();
        }
    }

    /// Whether the owner is about to welcome or refuse the plugin. Earlier messages wait for that
    /// one, so that all go out in one write.
    fn awaits_welcome(&self) -> bool {
        matches!(&self.phase, Phase::Accepting(handshake) if handshake.awaits_welcome())
    }

    /// Whether the handshake goes on with the peer's next message.
    pub(super) fn awaits_peer(&self) -> bool {
        match &self.phase {
            Phase::Sniffing(..) => true,
            Phase::Accepting(handshake) => handshake.awaits_peer(),
            Phase::HandingOver(_)
            | Phase::Joining(_)
            | Phase::Session(_)
            | Phase::Closed { .. } => false,
        }
    }

    /// Decodes and handles messages, until there is no whole one, the owner's decision is due, or the
    /// peer is held back. True if there was any, or a part of one was consumed.
    fn take_messages(&mut self, input: &mut BytesMut, now: Instant) -> bool {
        let mut took_some = false;
        while let Some(limit) = self.next_limit(input, now) {
            let before = input.len();
            match self.codec.decode(input, limit) {
                Ok(Some(message)) => {
                    self.sparse.note(before - input.len());
                    match &mut self.phase {
                        Phase::Session(session) if !self.stream.is_beat(&message) => {
                            match session.handle(message, &mut self.sparse, now, &mut self.events) {
                                Ok(None) => {}
                                Ok(Some(reason)) => self.end(reason, None),
                                Err(error) => self.handle_fault(error.into(), input),
                            }
                        }
                        _ => {
                            if let Err(fault) = self.handle_apart(message, now) {
                                self.handle_fault(fault, input);
                            }
                        }
                    }
                }
                Ok(None) => {
                    let consumed = before - input.len();
                    if let Phase::Accepting(handshake) = &mut self.phase
                        && let Some(bytes) = handshake.handle_part(consumed, input.len())
                    {
                        self.events.push_back(Event::WantsRoom(bytes));
                        self.stream.is_held = true;
                    }
                    if consumed == 0 {
                        break;
                    }
                }
                Err(fault) => self.handle_fault(fault, input),
            }
            took_some = true;
        }
        took_some
    }

    /// The limit of the next message; `None` if none is taken now.
    fn next_limit(&mut self, input: &mut BytesMut, now: Instant) -> Option<usize> {
        if matches!(self.phase, Phase::Sniffing(..)) && !self.sniff(input, now) {
            return None;
        }
        let limit = match &mut self.phase {
            Phase::Session(session) => {
                let has_room = self.takes_all || session.has_room(self.limits.max_frame);
                has_room.then_some(self.limits.max_frame)
            }
            // The owner may have to decide first, which may take a while.
            Phase::Accepting(handshake) => handshake.limit(self.codec.traits()),
            Phase::Joining(_) => Some(MAX_HELLO),
            Phase::Sniffing(..) | Phase::HandingOver(_) => return None,
            Phase::Closed { .. } => {
                input.clear();
                return None;
            }
        };
        self.stream.is_held = limit.is_none();
        limit
    }

    /// Takes in a message that is not the session's: a heartbeat, or one of the handshake.
    #[cold]
    fn handle_apart(&mut self, message: Message, now: Instant) -> Result<(), Fault> {
        self.gives_way = None;
        match &mut self.phase {
            Phase::Session(_) => {
                if self.stream.handle(&message, now)? {
                    self.note_stuck_changed();
                }
            }
            Phase::Accepting(handshake) => match handshake.handle(message, self.codec.traits())? {
                HubStep::Hello(hello) => self.events.push_back(Event::Hello(hello)),
                HubStep::Proof(proof) => self.events.push_back(Event::Proof(proof.into())),
                HubStep::Described(description) => {
                    self.events.push_back(Event::Described(description));
                }
            },
            Phase::Joining(handshake) => {
                match handshake.handle(message, &*self.codec, &self.limits)? {
                    PluginStep::Wait => {}
                    PluginStep::Say(message) => self.say(&message),
                    PluginStep::Welcomed(mut terms) => {
                        terms.features = terms.features & self.offers;
                        self.begin((*terms).clone(), now);
                        self.events.push_back(Event::Welcomed(terms));
                    }
                    PluginStep::Refused(refusal) => {
                        self.events.push_back(Event::Refused(refusal));
                        self.close(DisconnectReason::Refused);
                    }
                }
            }
            Phase::Sniffing(..) | Phase::HandingOver(_) | Phase::Closed { .. } => {}
        }
        Ok(())
    }

    /// Tells the owner that the peer is stuck, or no longer. If the owner hasn't taken the last change,
    /// both are none: a peer that says one and the other by turns must not make the events grow.
    fn note_stuck_changed(&mut self) {
        match self.events.iter().position(|event| matches!(event, Event::Stuck(_))) {
            Some(untaken) => _ = self.events.remove(untaken),
            None => self.events.push_back(Event::Stuck(self.stream.peer_stuck())),
        }
    }

    /// Ends the connection because of the peer's fault. During the handshake, the hub sends the
    /// plugin the reason.
    fn handle_fault(&mut self, fault: Fault, input: &BytesMut) {
        let is_accepting = matches!(self.phase, Phase::Accepting(_));
        match fault {
            Fault::Breach(ProtocolError::BadPreface) if is_accepting => {
                self.turn_away(Wire::Unknown, None, input);
            }
            Fault::Breach(error) if is_accepting => {
                self.refuse(Refusal::new(RefusalCode::Protocol, error.to_string()));
            }
            Fault::Refuse(refusal) if is_accepting => self.refuse(refusal),
            Fault::Breach(error) => self.close(DisconnectReason::Protocol(error)),
            // Faults of this kind occur only in the handshake.
            Fault::Refuse(_) => self.close(DisconnectReason::Refused),
        }
    }

    /// Starts the handshake of the wire that the peer speaks; false if there is none, since more bytes
    /// are needed to tell, or the stream is handed over.
    fn sniff(&mut self, input: &BytesMut, now: Instant) -> bool {
        let Phase::Sniffing(wires, first) = &mut self.phase else { return false };
        if !input.is_empty() {
            // Only silence may take longer.
            self.hello_deadline = self.hello_deadline.min(now + self.limits.hello_deadline);
        }
        let Sniffed::Is(wire) = sniff(input) else {
            *first = input[..].into();
            return false;
        };
        let wires = std::mem::replace(wires, Wires::new([]));
        match wires.get(wire) {
            Some(WireEntry { carries: Carries::Stream, closed: None, .. }) => {
                self.phase = Phase::HandingOver(wire);
                return false;
            }
            Some(WireEntry { carries: Carries::Messages(codec), closed, .. }) => {
                self.codec = codec();
                self.phase = Phase::Accepting(HubHandshake::new());
                if let Some(why) = closed {
                    self.turn_away(wire, Some(why), input);
                }
            }
            _ => self.turn_away(wire, None, input),
        }
        true
    }

    /// Refuses a peer whose wire the hub doesn't accept. A plugin gets the reason.
    fn turn_away(&mut self, wire: Wire, told: Option<&'static str>, input: &[u8]) {
        let first = input[..input.len().min(8)].into();
        self.events.push_back(Event::Stranger(wire, first));
        if let Some(why) = told {
            // The codec of the wire says it.
            self.refuse(Refusal::new(RefusalCode::Wire, why));
        } else {
            self.control.with(|out| out.extend_from_slice(stranger::words(wire)));
            self.close(DisconnectReason::Protocol(ProtocolError::BadPreface));
        }
    }
}
