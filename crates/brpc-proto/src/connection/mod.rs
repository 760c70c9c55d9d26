//! One side of a connection, from its first byte to its last: framing, handshake, session and goodbye
//! in one state machine.
//!
//! Bytes, commands and the time go in; bytes, events and the next timer come out. The owner
//! - passes what it read to [`handle_input`](Connection::handle_input), which consumes whole
//!   messages and leaves the rest; and passes the rest again after it answered an event of the
//!   handshake, since the next message may already be in it;
//! - takes events until there are none, after every `handle_*` method and every command;
//! - asks for bytes with [`poll_transmit`](Connection::poll_transmit) whenever all earlier ones are
//!   written, and reports how many the transport took;
//! - calls [`handle_timeout`](Connection::handle_timeout) at the time that
//!   [`poll_timeout`](Connection::poll_timeout) names;
//! - closes the transport when [`is_closed`](Connection::is_closed) and the last bytes are written.

mod counts;
mod driving;
mod handshaking;
mod heartbeat;
mod pace;
mod resuming;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use brpc_core::{
    Answer, CallErrorKind, DisconnectReason, Limits, Metadata, Refusal, RefusalCode, Side, Stage,
    Wire,
};

pub use self::driving::End;
use self::stream::Stream;
use crate::buffer::WriteBuffer;
use crate::codec::{Codec, Traits};
use crate::event::{Event, Tally};
use crate::handshake::{HubHandshake, PluginHandshake};
use crate::message::{Call, CallId, DrainCause, Farewell, Features, Hello, Message, Origin};
use crate::resume::Suspension;
use crate::role::Role;
use crate::session::{EmitError, Events, Session, may_have_run};
use crate::settlement::Settlement;
use crate::sparse::Sparse;
use crate::terms::Terms;
use crate::wires::{Wires, native};

/// One side of a connection. `T` is a caller; the connection returns each caller that
/// [`start_call`](Self::start_call) accepts exactly once, with a [`Settlement`].
#[derive(Debug)]
pub struct Connection<T> {
    role: Role,
    limits: Limits,
    stream: Stream,
    /// The native wire's, until the first bytes show another.
    codec: Box<dyn Codec>,
    phase: Phase<T>,
    /// Handshake and goodbye, sent before all else.
    control: WriteBuffer,
    /// When the handshake must be over; before the first bytes, when these must have come.
    hello_deadline: Instant,
    /// Since when it is to give way to another connection, unless the peer sends its next message of
    /// the handshake.
    gives_way: Option<Instant>,
    /// Whether events are accepted without credit, since no more can arrive.
    takes_all: bool,
    /// The optional parts of the protocol that this side offers.
    offers: Features,
    /// What arrives beside outputs.
    sparse: Sparse,
    events: Events<T>,
}

/// The phase of the connection.
#[derive(Debug)]
enum Phase<T> {
    /// Too few bytes have arrived, namely these, to tell which of the wires the peer speaks.
    Sniffing(Wires, Box<[u8]>),
    /// The peer speaks this wire, which carries another stream: the owner takes over what is below.
    HandingOver(Wire),
    /// The hub's side of the handshake.
    Accepting(HubHandshake),
    /// The plugin's side of the handshake.
    Joining(PluginHandshake),
    /// Boxed: connections spend most of their life here, and those that never get here should cost
    /// little.
    Session(Box<Session<T>>),
    Closed {
        reason: DisconnectReason,
        /// The session's generation, or 0 if there was none.
        generation: u64,
        /// Whether calls may go on over another connection.
        is_lost: bool,
    },
}

impl<T> Connection<T> {
    /// The hub's side of a new connection, which accepts plugins of these wires.
    pub fn accepted(limits: Limits, wires: Wires, now: Instant) -> Self {
        let silence = wires.most_silent().map_or(Duration::ZERO, |(silence, _)| silence);
        let sniffing = Phase::Sniffing(wires, Box::default());
        let mut connection = Self::new(Role::Hub, native(), sniffing, limits, now);
        let silent_until = now + silence.min(Limits::LONGEST);
        connection.hello_deadline = connection.hello_deadline.max(silent_until);
        connection
    }

    /// The plugin's side of a new connection. It sends Hello first. On a wire whose hub doesn't
    /// send Welcome, the connection counts as welcomed at once, under the name that the plugin asks
    /// for; a refusal may follow. Of the features, the Hello only decides about
    /// [`Features::RESUME`].
    ///
    /// # Panics
    /// If the `Hello` has no description.
    pub fn dialled(codec: Box<dyn Codec>, hello: Hello, limits: Limits, now: Instant) -> Self {
        let limits = limits.clamped();
        let description = hello.description.clone().expect("a plugin knows what it can do");
        let key = hello.key.clone();
        let joining = Phase::Joining(PluginHandshake::Hello { description, key });
        let mut connection = Self::new(Role::Plugin, codec, joining, limits, now);
        connection.offers = connection.offers | (hello.features & Features::RESUME);
        let unsaid = Terms::unsaid(&hello.name, &connection.limits);
        let (max_frame, max_calls) = (connection.limits.max_frame, connection.limits.max_calls);
        connection.say(&Message::Hello(Arc::new(Hello {
            features: connection.offers,
            max_frame: Some(max_frame),
            max_calls: Some(max_calls),
            heartbeat: connection.limits.heartbeat,
            ..hello
        })));
        if !connection.traits().has_welcome {
            connection.begin(unsaid.clone(), now);
            connection.events.push_back(Event::Welcomed(unsaid.into()));
        }
        connection
    }

    fn new(
        role: Role,
        codec: Box<dyn Codec>,
        phase: Phase<T>,
        limits: Limits,
        now: Instant,
    ) -> Self {
        let limits = limits.clamped();
        Self {
            role,
            stream: Stream::new(&limits),
            codec,
            phase,
            control: WriteBuffer::new(),
            hello_deadline: now + limits.hello_deadline,
            gives_way: None,
            takes_all: false,
            offers: Features::of(&limits),
            limits,
            sparse: Sparse::default(),
            events: Events::new(),
        }
    }

    /// What the wire can carry; until the wire is known, the native one's.
    pub fn traits(&self) -> Traits {
        self.codec.traits()
    }

    // Making calls.

    /// Makes a call, under the next id.
    ///
    /// # Errors
    /// The caller, and why the call is refused; nothing of the call is sent.
    pub fn start_call(
        &mut self,
        call: Call,
        caller: T,
        now: Instant,
    ) -> Result<CallId, (T, CallErrorKind)> {
        let id = self.session().map_or(0, |session| session.calls().last_id()) + 1;
        self.start(id, call, caller, now).map(|()| id)
    }

    /// Makes a call under an id that the owner chooses, for owners that number calls before they
    /// reach the connection. The id must be above all earlier ids, also those of refused calls. If
    /// the call is refused, the connection returns its caller like any other, with a
    /// [`Settlement`].
    pub fn submit_call(&mut self, id: CallId, call: Call, caller: T, now: Instant) {
        if let Phase::Closed { reason, generation, is_lost: true } = self.phase
            && call.resumable.is_some()
        {
            let (origin, deadline) = (Origin { generation, id }, call.deadline(now));
            let suspension = Suspension::new(call, origin, deadline, Stage::Queued, reason);
            self.events.push_back(Event::Suspended(caller, Box::new(suspension)));
            return;
        }
        if let Err((caller, error)) = self.start(id, call, caller, now) {
            self.events.push_back(Event::Settled(caller, Settlement::Ended(error)));
        }
    }

    fn start(
        &mut self,
        id: CallId,
        call: Call,
        caller: T,
        now: Instant,
    ) -> Result<(), (T, CallErrorKind)> {
        match &mut self.phase {
            Phase::Session(session) => session.start_call(id, call, caller, now),
            _ => Err((caller, self.refusal(&call))),
        }
    }

    /// The error with which this call is refused outside of a session.
    fn refusal(&self, call: &Call) -> CallErrorKind {
        let error = self.call_error().unwrap_or(CallErrorKind::Draining);
        match call.continued() {
            None => error,
            Some(continued) => may_have_run(&error, continued),
        }
    }

    /// The error with which every call is refused at the moment; `None` if it depends on the call.
    pub fn call_error(&self) -> Option<CallErrorKind> {
        match self.phase {
            Phase::Session(_) => None,
            Phase::Closed { reason, generation, .. } => {
                Some(CallErrorKind::Disconnected { stage: Stage::Queued, reason, generation })
            }
            _ => Some(CallErrorKind::Draining),
        }
    }

    /// Cancels a call. Returns its caller at once, unless the call is already settled: with
    /// [`Stage::Queued`] nothing of the call was sent or will be; with [`Stage::Sent`] the peer
    /// gets a Cancel, and the call keeps its place until the peer answers.
    pub fn cancel(&mut self, id: CallId, now: Instant) -> Option<(T, Stage)> {
        self.session_mut()?.cancel(id, now)
    }

    // Answering calls.

    /// Answers a call, with metadata; false if the call isn't running. An output above the peer's
    /// limit of a frame becomes a failure. Metadata above the [limits](Metadata) is dropped.
    pub fn answer(&mut self, id: CallId, answer: Answer, metadata: Metadata) -> bool {
        match &mut self.phase {
            Phase::Session(session) => session.answer(&mut *self.codec, id, answer, metadata),
            _ => false,
        }
    }

    /// Whether handlers may be started: fewer bytes of answers than
    /// [`queue_bytes`](Limits::queue_bytes) are unsent. If not, [`Event::Room`] says when they may
    /// again. None after the end.
    pub fn may_start(&mut self) -> bool {
        self.session_mut().is_some_and(Session::may_start)
    }

    /// The most bytes of inputs of calls that the owner may hold until it may start their handlers.
    pub fn max_waiting(&self) -> usize {
        self.limits.queue_bytes
    }

    // Events.

    /// Sends an event, if there is credit for it. It arrives before every later answer.
    ///
    /// # Errors
    /// Why the event can't be sent; after [`EmitError::Full`], [`Event::Credit`] says when to
    /// retry.
    pub fn emit(&mut self, event: &[u8]) -> Result<(), EmitError> {
        match &mut self.phase {
            Phase::Session(session) => session.emit(&mut *self.codec, event),
            _ => Err(EmitError::Closed),
        }
    }

    /// Returns credit for consumed events and their bytes.
    pub fn return_credit(&mut self, events: u32, bytes: u64) {
        if let Some(session) = self.session_mut() {
            session.return_credit(events, bytes);
        }
    }

    // Heartbeats.

    /// Sends the peer a Ping, ahead of all else; as soon as anything is heard of it,
    /// [`Event::Alive`] says so, once. False if there are no heartbeats on this connection, so that
    /// nothing can be found out.
    pub fn probe(&mut self) -> bool {
        self.stream.heartbeat.as_mut().map(|heartbeat| heartbeat.probe()).is_some()
    }

    /// Says in the next heartbeats that this side passes nothing on, for so long already; zero if it
    /// does again.
    pub fn note_stuck(&mut self, stuck: Duration) {
        if let Some(heartbeat) = &mut self.stream.heartbeat {
            heartbeat.note_stuck(stuck);
        }
    }

    /// For how long the peer passes nothing on, as it said last; `None` if it does.
    pub fn peer_stuck(&self) -> Option<Duration> {
        self.stream.peer_stuck()
    }

    /// How long the last heartbeat took to the peer and back; `None` before the first, and where
    /// there are none.
    pub fn round_trip(&self) -> Option<Duration> {
        self.stream.heartbeat.as_ref()?.round_trip()
    }

    // The end.

    /// Refuses new calls, asks the plugin to leave when it has answered the running ones, and ends
    /// the connection at `until`. If this is called again, the earlier `until` counts.
    pub fn drain(&mut self, cause: DrainCause, trace: &str, until: Option<Instant>) {
        match &mut self.phase {
            Phase::Session(session) => session.drain(cause, trace, until, &mut self.events),
            Phase::Closed { .. } => {}
            _ => self.refuse(later(RefusalCode::ShuttingDown, "the hub is shutting down")),
        }
    }

    /// Tells the plugin to dial again when the connection has ended, after so long at the earliest.
    /// Said once; later times don't count.
    pub fn ask_to_return(&mut self, after: Duration) {
        if self.session_mut().is_some_and(Session::note_return) {
            self.say(&Message::Return { after });
        }
    }

    /// Ignores new calls of the hub, and sends Goodbye when the running ones are answered.
    pub fn leave(&mut self) {
        match &mut self.phase {
            Phase::Session(session) => session.leave(),
            Phase::Closed { .. } => {}
            _ => self.close(DisconnectReason::Clean),
        }
    }

    /// Ends the connection now: settles all calls, and sends Goodbye if the peer is still there.
    pub fn close(&mut self, reason: DisconnectReason) {
        self.end(reason, Farewell::of(reason));
    }

    // Inspection.

    /// The next event for the owner.
    pub fn poll_event(&mut self) -> Option<Event<T>> {
        self.events.pop_front()
    }

    /// Whether the connection has ended and nobody is worth waiting for: it gives way to another one,
    /// or nothing is heard of the peer.
    pub fn ends_in_haste(&self) -> bool {
        let Phase::Closed { reason, .. } = self.phase else { return false };
        let is_peer_silent =
            matches!(reason, DisconnectReason::HeartbeatTimeout { side: Side::Peer, .. });
        self.gives_way.is_some() || is_peer_silent
    }

    /// Whether the handshake is over, and the connection accepts calls of this side.
    pub fn is_ready(&self) -> bool {
        self.session().is_some_and(Session::is_ready)
    }

    /// The agreed terms; `None` during the handshake and after the end.
    pub fn terms(&self) -> Option<&Terms> {
        self.session().map(Session::terms)
    }

    fn session(&self) -> Option<&Session<T>> {
        match &self.phase {
            Phase::Session(session) => Some(session),
            _ => None,
        }
    }

    fn session_mut(&mut self) -> Option<&mut Session<T>> {
        match &mut self.phase {
            Phase::Session(session) => Some(session),
            _ => None,
        }
    }

    fn begin(&mut self, terms: Terms, now: Instant) {
        if let Some(interval) = terms.heartbeat {
            self.stream.begin_heartbeats(self.role, interval, now);
        }
        let session = Session::new(self.role, terms, self.codec.traits(), &self.limits, now);
        self.phase = Phase::Session(Box::new(session));
    }

    fn say(&mut self, message: &Message) {
        self.codec.encode(message, &mut self.control);
    }

    /// Settles all calls, and says goodbye to a peer that is still there.
    fn end(&mut self, reason: DisconnectReason, farewell: Option<Farewell>) {
        let (mut tally, mut generation, mut is_lost) = (Tally::default(), 0, false);
        match &mut self.phase {
            Phase::Closed { .. } => return,
            Phase::Session(session) => {
                is_lost = session.is_lost(reason);
                // Or calls that were cancelled in the same bytes would be started, if they go on.
                session.withdraw_cancelled(&mut *self.codec, &mut self.events);
                // Calls that were not started: nobody waits for them any more, unless they go on.
                self.events.retain(|event| match event {
                    Event::Call { call, .. } => is_lost && call.resumable.is_some(),
                    Event::Cancel(_) => is_lost,
                    Event::Room => false,
                    _ => true,
                });
                tally = session.close(reason, &mut self.events);
                generation = session.terms().generation;
                if let Some(farewell) = farewell {
                    self.say(&Message::Goodbye { farewell, text: last_words(reason) });
                }
            }
            Phase::Accepting(_) => {
                let asks = |event: &Event<T>| {
                    matches!(event, Event::Hello(_) | Event::Proof(_) | Event::Described(_))
                };
                self.events.retain(|event| !asks(event));
            }
            Phase::Sniffing(..) | Phase::HandingOver(_) | Phase::Joining(_) => {}
        }
        self.stream.heartbeat = None;
        self.phase = Phase::Closed { reason, generation, is_lost };
        self.events.push_back(Event::Closed(reason, tally));
    }
}

/// The text of a goodbye, for people.
fn last_words(reason: DisconnectReason) -> String {
    match reason {
        DisconnectReason::Protocol(error) => error.to_string(),
        // Its text is about the peer's goodbye, and would be wrong in this side's.
        DisconnectReason::Clean => String::new(),
        reason => reason.to_string(),
    }
}

/// A refusal that asks for a retry a little later.
fn later(code: RefusalCode, message: &str) -> Refusal {
    Refusal::new(code, message).retry_after(Duration::from_secs(1))
}
