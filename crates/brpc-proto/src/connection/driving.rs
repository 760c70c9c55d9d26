//! What the driver of a connection does with it.

use std::time::Instant;

use brpc_core::{DisconnectReason, ProtocolError, Refusal, RefusalCode, Wire};
use bytes::{Buf as _, BytesMut};

use super::{Connection, Phase, later};
use crate::buffer::WriteBuffer;
use crate::codec::Fault;
use crate::event::Event;
use crate::handshake::{HubHandshake, HubStep, PluginStep};
use crate::limits::{IDLE_PLACES, MAX_HELLO};
use crate::message::Message;
use crate::role::Role;
use crate::session::{Events, Session};
use crate::sniff::{Sniffed, sniff};
use crate::stranger;
use crate::wires::Wires;

/// How a transport ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// The peer sends no more.
    Eof,
    /// It failed.
    Failed,
}

impl<T> Connection<T> {
    /// Takes whole messages off the input.
    pub fn handle_input(&mut self, input: &mut BytesMut, now: Instant) {
        self.stream.is_held = false;
        let mut took_message = false;
        while self.take_message(input, now) {
            took_message = true;
        }
        self.stream.note_input(input, took_message, now);
    }

    /// Whether input is taken in. If not, little more is to be read until it is again, so that the
    /// peer is held back by the transport; input that is there is still to be offered.
    pub fn takes_input(&self) -> bool {
        !self.stream.is_held
    }

    /// The transport is about to end, and input was not taken in: takes in what of it can't be
    /// missed.
    pub fn handle_rest(&mut self, input: &mut BytesMut, now: Instant) {
        // Answers, and events of which there are no more than were read; but no calls, which nobody
        // would hear the answers of.
        if self.role == Role::Hub {
            self.takes_all = true;
            self.handle_input(input, now);
        }
    }

    /// The transport has ended.
    pub fn handle_end(&mut self, end: End) {
        let mut reason = self.stream.reason_of(end);
        if let Phase::Session(session) = &self.phase
            && reason == DisconnectReason::Unclean
        {
            reason = session.reason_of_silence().unwrap_or(reason);
        }
        self.end(reason, None);
    }

    /// Does what is due. What the transport has is to be read before it is called again: a peer that
    /// seems too slow is given a second look, since it may be this side that was.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_late = self.hello_deadline <= now;
        match &mut self.phase {
            Phase::Sniffing(_) | Phase::Accepting(_) if is_late => {
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
            Phase::Session(session) => {
                [session.poll_timeout(), self.stream.poll_timeout()].into_iter().flatten().min()
            }
            _ => Some(self.hello_deadline),
        }
    }

    /// The transport took `bytes`, and `more` are still to be written.
    pub fn handle_written(&mut self, bytes: usize, more: bool, now: Instant) {
        self.stream.note_output(bytes, more, now);
    }

    /// Appends bytes to be written, if any are ready. They count as sent, and the transport is to
    /// take them soon.
    pub fn poll_transmit(&mut self, out: &mut WriteBuffer, now: Instant) {
        // Asked far more often than there is something.
        if !self.wants_transmit() {
            return;
        }
        let before = out.remaining();
        if !self.awaits_welcome() {
            out.append(&mut self.control);
        }
        if let Phase::Session(session) = &mut self.phase
            && session.poll_transmit(&mut *self.codec, out, now, &mut self.events)
            // The last answers first get the time that they need: a connection that is over is
            // closed soon.
            && out.remaining() == before
        {
            self.close(DisconnectReason::Clean);
            out.append(&mut self.control);
        }
        self.stream.note_output(0, !out.is_empty(), now);
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) would give something.
    pub fn wants_transmit(&self) -> bool {
        !(self.control.is_empty() || self.awaits_welcome())
            || matches!(&self.phase, Phase::Session(session) if session.wants_transmit())
    }

    /// About how many bytes [`poll_transmit`](Self::poll_transmit) could give.
    pub fn transmit_size(&self) -> usize {
        self.session().map_or(0, Session::transmit_size)
    }

    /// Whether at most one call is in progress, and no event is to be sent.
    pub fn is_quiet(&self) -> bool {
        self.session().is_none_or(Session::is_quiet)
    }

    /// Whether the owner is to be told something.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Everything that the owner is to be told, in exchange for an empty queue.
    pub fn swap_events(&mut self, events: &mut Events<T>) {
        std::mem::swap(&mut self.events, events);
    }

    /// Whether the connection is over. What [`poll_transmit`](Self::poll_transmit) still gives is a
    /// goodbye.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }

    /// Gives back room that a connection on which little happens doesn't need.
    pub fn free_room(&mut self) {
        if let Phase::Session(session) = &mut self.phase {
            session.free_room();
        }
        if self.events.is_empty() && self.events.capacity() > IDLE_PLACES {
            self.events = Events::new();
        }
    }

    /// Whether the owner is about to say if the plugin is let in. What is to be sent before goes
    /// with it, in one write.
    fn awaits_welcome(&self) -> bool {
        matches!(&self.phase, Phase::Accepting(handshake) if handshake.awaits_welcome())
    }

    /// Takes a message, or a part of one, off the input; false if there is none, or it isn't its time:
    /// a word of the owner is due, or the peer is held back.
    fn take_message(&mut self, input: &mut BytesMut, now: Instant) -> bool {
        let limit = match &mut self.phase {
            Phase::Sniffing(_) => return self.sniff(input),
            Phase::Accepting(handshake) => match handshake.limit(self.codec.traits()) {
                Some(limit) => limit,
                None => return false,
            },
            Phase::Joining(_) => MAX_HELLO,
            Phase::Session(session) => {
                if !self.takes_all && !session.has_room(self.limits.max_frame) {
                    self.stream.is_held = true;
                    return false;
                }
                self.limits.max_frame
            }
            Phase::Closed { .. } => {
                input.clear();
                return false;
            }
        };
        let before = input.len();
        match self.codec.decode(input, limit) {
            Ok(Some(message)) => {
                if let Err(fault) = self.handle_message(message, now) {
                    self.handle_fault(fault, input);
                }
                true
            }
            Ok(None) => {
                if let Phase::Accepting(handshake) = &mut self.phase
                    && handshake.asks_for_room(input.len())
                {
                    self.events.push_back(Event::WantsRoom);
                }
                input.len() < before
            }
            Err(fault) => {
                self.handle_fault(fault, input);
                true
            }
        }
    }

    fn handle_message(&mut self, message: Message, now: Instant) -> Result<(), Fault> {
        match &mut self.phase {
            Phase::Session(session) => {
                if let Some(reason) = session.handle(message, now, &mut self.events)? {
                    self.end(reason, None);
                }
            }
            Phase::Accepting(handshake) => match handshake.handle(message, self.codec.traits())? {
                HubStep::Hello(hello) => self.events.push_back(Event::Hello(hello)),
                HubStep::Described(description) => {
                    self.events.push_back(Event::Described(description));
                }
            },
            Phase::Joining(handshake) => {
                let traits = self.codec.traits();
                match handshake.handle(message, traits, &self.limits)? {
                    PluginStep::Wait => {}
                    PluginStep::Say(message) => self.say(&message),
                    PluginStep::Welcomed(terms) => {
                        self.begin((*terms).clone());
                        self.events.push_back(Event::Welcomed(terms));
                    }
                    PluginStep::Refused(refusal) => {
                        self.events.push_back(Event::Refused(refusal));
                        self.close(DisconnectReason::Refused);
                    }
                }
            }
            Phase::Sniffing(_) | Phase::Closed { .. } => {}
        }
        Ok(())
    }

    /// Ends the connection for what the peer said. A plugin that is not let in yet is told why.
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
            // Only of what is said before a plugin is let in.
            Fault::Refuse(_) => self.close(DisconnectReason::Refused),
        }
    }

    /// Begins the handshake of the wire that the peer speaks; false if too little has come to tell.
    fn sniff(&mut self, input: &BytesMut) -> bool {
        let Sniffed::Is(wire) = sniff(input) else { return false };
        let Phase::Sniffing(wires) = &mut self.phase else { return false };
        let wires = std::mem::replace(wires, Wires::new([]));
        match wires.get(wire) {
            None => self.turn_away(wire, None, input),
            Some(entry) => {
                self.codec = (entry.codec)();
                self.phase = Phase::Accepting(HubHandshake::new());
                if let Some(why) = entry.closed {
                    self.turn_away(wire, Some(why), input);
                }
            }
        }
        true
    }

    /// Lets a peer go that speaks what isn't taken. A plugin is told why.
    fn turn_away(&mut self, wire: Wire, told: Option<&'static str>, input: &BytesMut) {
        let first = input[..input.len().min(8)].into();
        self.events.push_back(Event::Stranger(wire, first));
        self.control.with(|out| out.extend_from_slice(stranger::words(wire)));
        match told {
            Some(why) => self.refuse(Refusal::new(RefusalCode::Wire, why)),
            None => self.close(DisconnectReason::Protocol(ProtocolError::BadPreface)),
        }
    }
}
