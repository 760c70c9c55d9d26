//! The plugin's side of a connection.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Buf as _, BytesMut};

use super::stream::Stream;
use super::{Connection, End, farewell, free_queue};
use crate::answer::Answer;
use crate::codec::{PluginCodec, PluginWire, ToHub};
use crate::describe::Description;
use crate::event::PluginEvent;
use crate::handshake::{Introduction, PluginHandshake, PluginStep, Terms};
use crate::session::{CallId, EmitError, Farewell, Handed, PluginSession, PluginTerms};
use crate::wire::{FrameReader, WriteBuffer};
use crate::{DisconnectReason, Limits, Metadata};

/// The plugin's side of one connection.
#[derive(Debug)]
pub struct PluginConnection {
    limits: Limits,
    stream: Stream,
    wire: PluginWire,
    phase: Phase,
    description: Description,
    /// When the handshake must be over.
    hello_deadline: Instant,
    events: VecDeque<PluginEvent>,
}

/// How far the connection has come.
#[derive(Debug)]
enum Phase {
    Handshake(PluginHandshake),
    Session(Box<PluginSession>),
    Closed,
}

impl PluginConnection {
    /// A connection that has just been made, to a hub of the native wire; it says hello first.
    pub fn new(introduction: &Introduction, limits: Limits, now: Instant) -> Self {
        let limits = limits.clamped();
        let mut control = WriteBuffer::new();
        let (handshake, reader) = PluginHandshake::new(introduction, &limits, &mut control);
        Self {
            stream: Stream::new(reader, control, &limits),
            wire: PluginWire::Native,
            phase: Phase::Handshake(handshake),
            description: introduction.description.clone(),
            hello_deadline: now + limits.hello_deadline,
            limits,
            events: VecDeque::new(),
        }
    }

    /// A connection that has just been made, to a hub of another wire. As far as the plugin knows it
    /// is let in at once, under the name that it asks for; a refusal may follow.
    pub fn with_codec(
        mut codec: Box<dyn PluginCodec>,
        introduction: &Introduction,
        limits: Limits,
        now: Instant,
    ) -> Self {
        let mut connection = Self::new(introduction, limits, now);
        let limits = &connection.limits;
        let mut control = WriteBuffer::new();
        codec.introduce(introduction, &mut control);
        connection.stream = Stream::new(FrameReader::new(limits.max_frame), control, limits);
        connection.wire = PluginWire::Foreign(codec);
        connection.phase = Phase::Session(Box::new(PluginSession::new(PluginTerms {
            methods: None,
            max_frame: limits.max_frame,
            max_calls: limits.max_calls,
            credit: None,
            max_unsent: limits.queue_bytes,
        })));
        let name = introduction.name.clone();
        let terms = Terms { name, generation: 0, epoch: [0; 16] };
        connection.events.push_back(PluginEvent::Welcomed(terms));
        connection
    }

    /// Gives a call's answer; false if it has none to give any more. An output that the hub
    /// would not take for its size is answered as a failure.
    pub fn answer(&mut self, id: CallId, answer: Answer) -> bool {
        self.answer_with(id, answer, &Metadata::new())
    }

    /// As [`answer`](Self::answer), with something along. Metadata
    /// above the [limits](Metadata) is left out.
    pub fn answer_with(&mut self, id: CallId, answer: Answer, metadata: &Metadata) -> bool {
        match &mut self.phase {
            Phase::Session(session) => session.answer(&mut self.wire, id, answer, metadata),
            Phase::Handshake(_) | Phase::Closed => false,
        }
    }

    /// Sends an event, if there is credit for it. It comes before every answer that is given later.
    ///
    /// # Errors
    /// Why not; after [`EmitError::Full`], [`PluginEvent::Credit`] says when to try again.
    pub fn emit(&mut self, event: &[u8]) -> Result<(), EmitError> {
        match &mut self.phase {
            Phase::Session(session) => session.emit(&mut self.wire, event),
            Phase::Handshake(_) | Phase::Closed => Err(EmitError::Closed),
        }
    }

    /// Takes no more calls, and says goodbye when those that run have been answered.
    pub fn leave(&mut self) {
        match &mut self.phase {
            Phase::Session(session) => session.leave(),
            Phase::Handshake(_) => self.close(DisconnectReason::Clean),
            Phase::Closed => {}
        }
    }

    /// Ends the connection now, with a goodbye.
    pub fn close(&mut self, reason: DisconnectReason) {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Closed => return,
            Phase::Handshake(_) => {}
            Phase::Session(_) => {
                let farewell = match reason {
                    DisconnectReason::Clean => Some(Farewell::Done),
                    reason => farewell(reason),
                };
                if let Some(farewell) = farewell {
                    let goodbye = ToHub::Goodbye { farewell, reason };
                    self.wire.encode(goodbye, &mut self.stream.control);
                }
            }
        }
        self.events.push_back(PluginEvent::Closed(reason));
    }

    /// What the owner is to be told next.
    pub fn poll_event(&mut self) -> Option<PluginEvent> {
        self.events.pop_front()
    }

    /// Calls that are not answered.
    pub fn running(&self) -> usize {
        match &self.phase {
            Phase::Session(session) => session.running(),
            Phase::Handshake(_) | Phase::Closed => 0,
        }
    }

    /// Entries held in all tables; bounded by the limits.
    pub fn footprint(&self) -> usize {
        let session = match &self.phase {
            Phase::Session(session) => session.footprint(),
            Phase::Handshake(_) | Phase::Closed => 0,
        };
        session + self.events.len()
    }

    /// Takes messages off the input until it is empty or the end.
    fn take_messages(&mut self, input: &mut BytesMut, took_message: &mut bool, now: Instant) {
        loop {
            let before = input.len();
            match &mut self.phase {
                Phase::Handshake(handshake) => {
                    let step = handshake.handle_input(
                        input,
                        &mut self.stream.reader,
                        &self.description,
                        &self.limits,
                        &mut self.stream.control,
                    );
                    match step {
                        Ok(PluginStep::Wait) if input.len() == before => return,
                        Ok(PluginStep::Wait) => {}
                        Ok(PluginStep::Welcomed(given, terms)) => {
                            self.phase = Phase::Session(Box::new(PluginSession::new(terms)));
                            self.events.push_back(PluginEvent::Welcomed(given));
                        }
                        Ok(PluginStep::Refused(refusal)) => {
                            self.events.push_back(PluginEvent::Refused(refusal));
                            self.close(DisconnectReason::Refused);
                        }
                        Err(error) => self.close(DisconnectReason::Protocol(error)),
                    }
                }
                Phase::Session(session) => {
                    if self.wire.is_foreign() && !session.has_place() {
                        self.stream.is_held = true;
                        return;
                    }
                    let message = match self.wire.next(input, &self.stream.reader) {
                        Ok(Some(message)) => message,
                        Ok(None) => {
                            *took_message |= input.len() < before;
                            return;
                        }
                        Err(error) => return self.close(DisconnectReason::Protocol(error)),
                    };
                    match session.handle(message, now, &mut self.events) {
                        Ok(None) => {}
                        Ok(Some(reason)) => self.end(reason),
                        Err(error) => self.close(DisconnectReason::Protocol(error)),
                    }
                }
                Phase::Closed => return input.clear(),
            }
            *took_message = true;
        }
    }

    /// The hub has ended the connection: nothing is said any more.
    fn end(&mut self, reason: DisconnectReason) {
        if !matches!(self.phase, Phase::Closed) {
            self.phase = Phase::Closed;
            self.events.push_back(PluginEvent::Closed(reason));
        }
    }
}

impl Connection for PluginConnection {
    type Event = PluginEvent;
    type Intake = ();

    fn offer(&self, (): &mut ()) {}

    fn handed((): &()) -> Handed {
        Handed::default()
    }

    fn take_over(&mut self, (): &mut ()) {}

    fn handle_handed(&mut self, _out: Option<&mut WriteBuffer>, _now: Instant) {}

    fn free_room(&mut self, (): &mut ()) {
        if let Phase::Session(session) = &mut self.phase {
            session.free_room();
        }
        free_queue(&mut self.events);
    }

    fn handle_input(&mut self, input: &mut BytesMut, now: Instant) {
        let mut took_message = false;
        self.stream.is_held = false;
        self.take_messages(input, &mut took_message, now);
        self.stream.note_input(input, took_message, now);
    }

    fn takes_input(&self) -> bool {
        !self.stream.is_held
    }

    fn handle_rest(&mut self, _input: &mut BytesMut, _now: Instant) {
        // Calls, which nobody would hear the answers of.
    }

    fn handle_end(&mut self, end: End, _now: Instant) {
        let mut reason = self.stream.reason_of(end);
        if let Phase::Session(session) = &self.phase
            && self.wire.is_foreign()
            && reason == DisconnectReason::Unclean
            && session.is_draining()
        {
            // On a wire without goodbyes, a hub that wanted the plugin to leave waits no longer.
            reason = DisconnectReason::Clean;
        }
        self.end(reason);
    }

    fn handle_timeout(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Handshake(_) if self.hello_deadline <= now => {
                self.close(DisconnectReason::SlowSender);
            }
            Phase::Session(session) => {
                session.handle_timeout(now, &mut self.events);
                if let Some(reason) = self.stream.handle_timeout(now) {
                    self.close(reason);
                }
            }
            Phase::Handshake(_) | Phase::Closed => {}
        }
    }

    fn handle_written(&mut self, bytes: usize, more: bool, now: Instant) {
        self.stream.note_output(bytes, more, now);
    }

    fn poll_transmit(&mut self, out: &mut WriteBuffer, now: Instant) {
        let before = out.remaining();
        out.append(&mut self.stream.control);
        if let Phase::Session(session) = &mut self.phase
            && session.poll_transmit(&mut self.wire, out, &mut self.events)
            // The last answers first get the time that they need: a connection that is over is
            // closed soon.
            && out.remaining() == before
        {
            self.close(DisconnectReason::Clean);
            out.append(&mut self.stream.control);
        }
        self.stream.note_output(0, !out.is_empty(), now);
    }

    fn wants_transmit(&self) -> bool {
        !self.stream.control.is_empty()
            || matches!(&self.phase, Phase::Session(session) if session.wants_transmit())
    }

    fn transmit_size(&self) -> usize {
        match &self.phase {
            Phase::Session(session) => session.transmit_size(),
            _ => 0,
        }
    }

    fn is_quiet(&self) -> bool {
        !matches!(&self.phase, Phase::Session(session) if !session.is_quiet())
    }

    fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    fn swap_events(&mut self, events: &mut VecDeque<PluginEvent>) {
        std::mem::swap(&mut self.events, events);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshake(_) => Some(self.hello_deadline),
            Phase::Session(session) => {
                [session.poll_timeout(), self.stream.poll_timeout()].into_iter().flatten().min()
            }
            Phase::Closed => None,
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }
}
