//! The hub's side of a connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::stream::Stream;
use super::{Connection, End};
use crate::codec::{self, HubWire, NativeHub, ToPlugin, Wires};
use crate::describe::Description;
use crate::event::HubEvent;
use crate::handshake::{HubHandshake, HubStep, Rejected};
use crate::session::{
    Batch, CallId, DrainCause, Farewell, Handed, HubSession, Intake, NewCall, SessionTerms,
    Settlement, Tally,
};
use crate::wire::WriteBuffer;
use crate::{CallError, DisconnectReason, Limits, Refusal, RefusalCode, Stage};

/// The hub's side of one connection. `T` stands for a caller; each that
/// [`start_call`](Self::start_call) takes in is handed back exactly once, with a
/// [`Settlement`](crate::Settlement).
#[derive(Debug)]
pub struct HubConnection<T> {
    limits: Limits,
    stream: Stream,
    /// The native one until the first bytes say otherwise.
    wire: HubWire,
    phase: Phase<T>,
    /// When the handshake must be over.
    hello_deadline: Instant,
    /// Whether events are taken without credit, since no more can come.
    takes_all: bool,
    /// Calls that were handed over and are not taken in yet.
    handed: Batch<T>,
    events: VecDeque<HubEvent<T>>,
}

/// How far the connection has come.
#[derive(Debug)]
enum Phase<T> {
    Handshake(HubHandshake),
    /// Boxed: connections wait in it for most of their life, and those that never reach it are to
    /// cost little.
    Session(Box<HubSession<T>>),
    Closed {
        reason: DisconnectReason,
        /// That of the session, if there was one.
        generation: u64,
    },
}

impl<T> Phase<T> {
    /// The session, or what a call is told that comes before or after it.
    fn for_calls(&mut self) -> Result<&mut HubSession<T>, CallError> {
        match self {
            Self::Session(session) => Ok(session),
            Self::Handshake(_) => Err(CallError::Draining),
            Self::Closed { reason, generation } => {
                let (stage, reason, generation) = (Stage::Queued, *reason, *generation);
                Err(CallError::Disconnected { stage, reason, generation })
            }
        }
    }
}

impl<T> HubConnection<T> {
    /// A connection that has just been made, to a plugin of the native wire.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self::with_wires(limits, Wires::default(), now)
    }

    /// A connection that has just been made, to a plugin of one of these wires.
    pub fn with_wires(limits: Limits, wires: Wires, now: Instant) -> Self {
        let limits = limits.clamped();
        Self {
            stream: Stream::new(HubHandshake::reader(), WriteBuffer::new(), &limits),
            wire: HubWire::Native(NativeHub::default()),
            phase: Phase::Handshake(HubHandshake::Sniffing(wires)),
            hello_deadline: now + limits.hello_deadline,
            takes_all: false,
            limits,
            handed: Batch::default(),
            events: VecDeque::new(),
        }
    }

    /// Answers [`HubEvent::WantsRoom`]: the plugin may say more of itself, as much as a description
    /// may have.
    pub fn grant_room(&mut self) {
        if let Phase::Handshake(handshake) = &mut self.phase {
            handshake.grant_room();
        }
    }

    /// Answers [`HubEvent::Greeted`]: the plugin may go on. It needs not describe itself if its
    /// description is known.
    pub fn accept(&mut self, known: Option<Arc<Description>>) {
        if let Phase::Handshake(handshake) = &mut self.phase {
            let stream = &mut self.stream;
            let step = handshake.accept(known, &mut stream.reader, &mut stream.control);
            self.handle_step(step);
        }
    }

    /// Answers [`HubEvent::Described`]: the plugin is registered under this name and generation.
    pub fn welcome(&mut self, name: &str, generation: u64, epoch: [u8; 16]) {
        let Phase::Handshake(handshake) = &self.phase else { return };
        let control = &mut self.stream.control;
        if let Some(terms) = handshake.welcome(name, generation, epoch, &self.limits, control) {
            self.stream.reader.set_limit(self.limits.max_frame);
            self.phase = Phase::Session(Box::new(HubSession::new(terms, &self.limits)));
        }
    }

    /// Answers either event: the plugin is not let in.
    pub fn refuse(&mut self, refusal: Refusal) {
        let Phase::Handshake(handshake) = &self.phase else { return };
        handshake.refuse(&refusal, &mut self.wire, &mut self.stream.control);
        let reason = DisconnectReason::Refused;
        self.phase = Phase::Closed { reason, generation: 0 };
        self.events.push_back(HubEvent::Refused(refusal));
        self.events.push_back(HubEvent::Closed(reason, Tally::default()));
    }

    /// Makes a call.
    ///
    /// # Errors
    /// The caller back, and why not: the call is over and nothing of it will be sent.
    pub fn start_call(
        &mut self,
        call: NewCall,
        caller: T,
        now: Instant,
    ) -> Result<CallId, (T, CallError)> {
        match self.phase.for_calls() {
            Ok(session) => session.start_call(call, caller, now),
            Err(error) => Err((caller, error)),
        }
    }

    /// Gives a call up. Its caller, if it still waits, is handed back at once: with
    /// [`Stage::Queued`] nothing of the call was sent or will be; with [`Stage::Sent`] the plugin
    /// is told, and the call keeps its place until the plugin answers.
    pub fn cancel(&mut self, id: CallId) -> Option<(T, Stage)> {
        match &mut self.phase {
            Phase::Session(session) => session.cancel(id),
            Phase::Handshake(_) | Phase::Closed { .. } => None,
        }
    }

    /// Gives credit back for so many events that were consumed, and their bytes.
    pub fn return_credit(&mut self, events: u32, bytes: u64) {
        if let Phase::Session(session) = &mut self.phase {
            session.return_credit(events, bytes);
        }
    }

    /// Takes no more calls, asks the plugin to leave when those that run have ended, and cuts it
    /// off at `until`. Asked again, the sooner end counts.
    pub fn drain(&mut self, cause: DrainCause, trace: &str, until: Option<Instant>) {
        match &mut self.phase {
            Phase::Session(session) => session.drain(cause, trace, until, &mut self.events),
            Phase::Handshake(_) => {
                self.refuse(later(RefusalCode::ShuttingDown, "the hub is shutting down"));
            }
            Phase::Closed { .. } => {}
        }
    }

    /// Ends the connection now: settles all calls and says goodbye.
    pub fn close(&mut self, reason: DisconnectReason) {
        self.end(reason, farewell(reason));
    }

    /// What the owner is to be told next.
    pub fn poll_event(&mut self) -> Option<HubEvent<T>> {
        self.events.pop_front()
    }

    /// Whether the plugin is let in and takes calls.
    pub fn is_ready(&self) -> bool {
        self.session().is_some_and(HubSession::is_ready)
    }

    /// Calls that hold a place, whether somebody waits for them or not.
    pub fn calls_in_progress(&self) -> usize {
        self.session().map_or(0, |session| session.calls().placed())
    }

    /// Calls that are not over, including those that wait for a place.
    pub fn calls(&self) -> usize {
        self.session().map_or(0, |session| session.calls().len())
    }

    /// Bytes of inputs that are not yet sent.
    pub fn queued_bytes(&self) -> usize {
        self.session().map_or(0, |session| session.calls().unsent_bytes())
    }

    /// Answers that came after their call had been given up.
    pub fn late_replies(&self) -> u64 {
        self.session().map_or(0, HubSession::late_replies)
    }

    /// Entries held in all tables; bounded by the limits.
    pub fn footprint(&self) -> usize {
        self.events.len() + self.session().map_or(0, HubSession::footprint)
    }

    /// What was agreed on; `None` before the plugin is let in and after the end.
    pub fn terms(&self) -> Option<&SessionTerms> {
        self.session().map(HubSession::terms)
    }

    fn session(&self) -> Option<&HubSession<T>> {
        match &self.phase {
            Phase::Session(session) => Some(session),
            Phase::Handshake(_) | Phase::Closed { .. } => None,
        }
    }

    /// Settles all calls, and says goodbye to a plugin that is still there.
    fn end(&mut self, reason: DisconnectReason, farewell: Option<Farewell>) {
        let (mut tally, mut generation) = (Tally::default(), 0);
        match &mut self.phase {
            Phase::Closed { .. } => return,
            Phase::Handshake(_) => {}
            Phase::Session(session) => {
                tally = session.close(reason, &mut self.events);
                generation = session.terms().generation;
                if let Some(farewell) = farewell {
                    let goodbye = ToPlugin::Goodbye { farewell, reason };
                    self.wire.encode(goodbye, &mut self.stream.control);
                }
            }
        }
        self.phase = Phase::Closed { reason, generation };
        // There are none, unless a codec panicked before it was their turn.
        let error = CallError::Disconnected { stage: Stage::Queued, reason, generation };
        self.handed.take(|handed| {
            let settlement = Settlement::Ended(error.clone());
            self.events.push_back(HubEvent::Settled(handed.caller, settlement));
        });
        self.events.push_back(HubEvent::Closed(reason, tally));
    }

    /// Whether the owner is about to say if the plugin is let in. What is to be sent before goes
    /// with it, in one write.
    fn awaits_welcome(&self) -> bool {
        matches!(&self.phase, Phase::Handshake(handshake) if handshake.awaits_welcome())
    }

    fn handle_step(&mut self, step: HubStep) {
        match step {
            HubStep::Wait => {}
            HubStep::WantsRoom => self.events.push_back(HubEvent::WantsRoom),
            HubStep::Greeted(greeting) => {
                self.events.push_back(HubEvent::Greeted(Box::new(greeting)));
            }
            HubStep::Described(description) => {
                self.events.push_back(HubEvent::Described(description));
            }
        }
    }

    /// Takes messages off the input until it is empty, a word of the owner is due, or the end.
    fn take_messages(&mut self, input: &mut BytesMut, took_message: &mut bool) {
        loop {
            let before = input.len();
            match &mut self.phase {
                Phase::Handshake(handshake) => {
                    match handshake.handle_input(input, &mut self.stream.reader, &mut self.wire) {
                        Ok(step) => self.handle_step(step),
                        Err(Rejected::Refused(refusal)) => self.refuse(refusal),
                        Err(Rejected::Stranger(protocol, told)) => {
                            let first = input[..input.len().min(8)].into();
                            self.events.push_back(HubEvent::Stranger(protocol, first));
                            self.stream.control.with(|out| out.extend(codec::words(protocol)));
                            match told {
                                Some(why) => self.refuse(Refusal::new(RefusalCode::Wire, why)),
                                None => self.close(Rejected::STRANGER),
                            }
                        }
                    }
                    // A step that takes nothing waits: for input, or for the owner.
                    if input.len() == before {
                        return;
                    }
                }
                Phase::Session(session) => {
                    if self.wire.is_foreign()
                        && !self.takes_all
                        && !session.has_room_for_event(self.limits.max_frame)
                    {
                        self.stream.is_held = true;
                        return;
                    }
                    let (reader, events) = (&self.stream.reader, &mut self.events);
                    match self.wire.handle_input(input, reader, session, events) {
                        Ok(Some(None)) => {}
                        Ok(Some(Some(reason))) => self.end(reason, None),
                        Ok(None) => {
                            *took_message |= input.len() < before;
                            return;
                        }
                        Err(error) => self.close(DisconnectReason::Protocol(error)),
                    }
                }
                Phase::Closed { .. } => return input.clear(),
            }
            *took_message = true;
        }
    }
}

impl<T> Connection for HubConnection<T> {
    type Event = HubEvent<T>;
    type Intake = Intake<T>;

    fn offer(&self, intake: &mut Intake<T>) {
        let (last_id, room) = self.session().map(HubSession::offer).unwrap_or_default();
        intake.offer(last_id, room);
    }

    fn handed(intake: &Intake<T>) -> Handed {
        intake.handed()
    }

    fn take_over(&mut self, intake: &mut Intake<T>) {
        intake.exchange(&mut self.handed);
    }

    fn free_room(&mut self, intake: &mut Intake<T>) {
        intake.free_room();
        self.handed.free_room();
    }

    fn handle_handed(&mut self, mut out: Option<&mut WriteBuffer>, now: Instant) {
        let (phase, wire, events) = (&mut self.phase, &mut self.wire, &mut self.events);
        if let Some(out) = &mut out {
            let (calls, bytes) = self.handed.size();
            out.reserve(calls, bytes);
        }
        self.handed.take(|handed| {
            let taken = match phase.for_calls() {
                Ok(session) => session.take_over(handed, wire, out.as_deref_mut(), now),
                Err(error) => Err((handed.caller, error)),
            };
            // It was over before this was known where the call was made.
            if let Err((caller, error)) = taken {
                events.push_back(HubEvent::Settled(caller, Settlement::Ended(error)));
            }
        });
        if let Some(out) = out {
            self.stream.note_output(0, !out.is_empty(), now);
        }
    }

    fn handle_input(&mut self, input: &mut BytesMut, now: Instant) {
        let mut took_message = false;
        self.stream.is_held = false;
        self.take_messages(input, &mut took_message);
        self.stream.note_input(input, took_message, now);
    }

    fn takes_input(&self) -> bool {
        !self.stream.is_held
    }

    fn handle_rest(&mut self, input: &mut BytesMut, now: Instant) {
        // Answers, and events of which there are no more than were read.
        self.takes_all = true;
        self.handle_input(input, now);
    }

    fn handle_end(&mut self, end: End, _now: Instant) {
        let mut reason = self.stream.reason_of(end);
        if let Phase::Session(session) = &self.phase
            && self.wire.is_foreign()
            && reason == DisconnectReason::Unclean
        {
            reason = session.reason_of_silence().unwrap_or(reason);
        }
        self.end(reason, None);
    }

    fn handle_timeout(&mut self, now: Instant) {
        let reason = match &mut self.phase {
            Phase::Handshake(_) if self.hello_deadline <= now => {
                let waited = self.limits.hello_deadline;
                let message = format!("the handshake took more than {waited:?}");
                return self.refuse(later(RefusalCode::HandshakeTimeout, &message));
            }
            Phase::Session(session) => session
                .handle_timeout(now, &mut self.events)
                .or_else(|| self.stream.handle_timeout(now)),
            Phase::Handshake(_) | Phase::Closed { .. } => None,
        };
        if let Some(reason) = reason {
            self.close(reason);
        }
    }

    fn handle_written(&mut self, bytes: usize, more: bool, now: Instant) {
        self.stream.note_output(bytes, more, now);
    }

    fn poll_transmit(&mut self, out: &mut WriteBuffer, now: Instant) {
        if !self.awaits_welcome() {
            out.append(&mut self.stream.control);
        }
        if let Phase::Session(session) = &mut self.phase {
            session.poll_transmit(&mut self.wire, out, now);
        }
        self.stream.note_output(0, !out.is_empty(), now);
    }

    fn wants_transmit(&self) -> bool {
        !(self.stream.control.is_empty() || self.awaits_welcome())
            || matches!(&self.phase, Phase::Session(session) if session.wants_transmit())
    }

    fn transmit_size(&self) -> usize {
        self.queued_bytes()
    }

    fn is_quiet(&self) -> bool {
        self.calls_in_progress() <= 1
    }

    fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    fn invites(event: &HubEvent<T>) -> bool {
        !matches!(event, HubEvent::Message(_))
    }

    fn swap_events(&mut self, events: &mut VecDeque<HubEvent<T>>) {
        std::mem::swap(&mut self.events, events);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshake(_) => Some(self.hello_deadline),
            Phase::Session(session) => {
                [session.poll_timeout(), self.stream.poll_timeout()].into_iter().flatten().min()
            }
            Phase::Closed { .. } => None,
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }
}

/// What the plugin is told when the hub ends the connection; nothing if it is gone already.
fn farewell(reason: DisconnectReason) -> Option<Farewell> {
    Some(match reason {
        DisconnectReason::Unplugged => Farewell::Unplugged,
        DisconnectReason::Shutdown | DisconnectReason::ShutdownForced => Farewell::ShuttingDown,
        other => return super::farewell(other),
    })
}

/// A refusal that another attempt, a little later, may change.
fn later(code: RefusalCode, message: &str) -> Refusal {
    Refusal::new(code, message).retry_after(Duration::from_secs(1))
}
