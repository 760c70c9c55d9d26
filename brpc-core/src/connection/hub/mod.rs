//! The hub's side of a connection: what its owner says and asks.

mod driving;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::stream::Stream;
use crate::codec::{HubWire, NativeHub, ToPlugin, Wires};
use crate::describe::Description;
use crate::event::HubEvent;
use crate::handshake::{HubHandshake, HubStep};
use crate::session::{
    Batch, CallId, DrainCause, Farewell, HubSession, NewCall, SessionTerms, Settlement, Tally,
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
