//! A run of the hub's side of a connection.

use std::collections::BTreeMap;
use std::time::Duration;

use brpc_core::limits::MAX_DESCRIPTION;
use brpc_core::{DisconnectReason, Limits, Metadata, Refusal, RefusalCode};
use brpc_proto::{
    Admission, Call, CallId, Carries, Connection, DrainCause, End, Event, WireEntry, Wires,
};
use bytes::BytesMut;

use crate::clock::Clock;
use crate::memory::bounded;
use crate::tape::Tape;
use crate::wire::{Wire, sent, small_limits};

/// Runs a hub's side of a connection to its end. The plugin may send anything, on this wire or
/// another; the owner may do anything at any time.
///
/// # Panics
/// If the connection breaks a promise: it returns a caller twice or never, an event follows the
/// end, its tables hold more than the limits allow, or what it sends is invalid on the wire.
pub fn run(wire: Wire, mut tape: Tape<'_>) {
    let options = tape.choice();
    let mut run = Run::new(wire, options, tape);
    if run.manner == Manner::LetIn {
        let said = run.wire.hello();
        run.hear(&said);
    }
    while let Some(choice) = run.tape.next_choice() {
        run.step(choice);
    }
    if !run.has_ended {
        run.end(if options & 0x80 == 0 { End::Eof } else { End::Failed });
    }
    assert!(run.hub.is_closed() && run.is_over, "a connection without a transport is over");
    assert!(run.waiting.is_empty(), "callers that were never handed back: {:?}", run.waiting);
    assert_eq!((run.hub.footprint(), run.hub.calls(), run.hub.queued_bytes()), (0, 0, 0));
}

struct Run<'a> {
    tape: Tape<'a>,
    wire: Wire,
    hub: Connection<Caller>,
    limits: Limits,
    clock: Clock,
    /// What the plugin sent and the connection has not taken.
    input: BytesMut,
    /// Bytes that the transport has not taken.
    unwritten: usize,
    /// The callers that wait, and for which call.
    waiting: BTreeMap<Caller, CallId>,
    /// The latest caller.
    last_caller: Caller,
    /// Calls that were accepted, and those that were sent.
    started: usize,
    sent: usize,
    /// Events whose credit is not returned yet, and their bytes.
    consumed: (u32, u64),
    /// How the handshake goes.
    manner: Manner,
    /// Whether the transport has ended.
    has_ended: bool,
    /// Whether the owner got the event that the connection is over.
    is_over: bool,
}

type Caller = u64;

/// How the handshake goes.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Manner {
    /// As it should. Then what the hub sends is valid on the wire that the plugin knows.
    LetIn,
    /// The plugin may send anything, and the owner accepts it at once.
    Asked,
    /// The owner may answer anything, too.
    Any,
}

impl<'a> Run<'a> {
    fn new(wire: Wire, options: u8, tape: Tape<'a>) -> Self {
        let clock = Clock::new();
        let manner = match options & 3 {
            0 | 1 => Manner::LetIn,
            2 => Manner::Asked,
            _ => Manner::Any,
        };
        let is_closed = manner == Manner::Any && options & 8 != 0;
        let closed = is_closed.then_some("not on this port");
        let gob = WireEntry {
            wire: brpc_core::Wire::Gob,
            closed,
            silence: Duration::ZERO,
            carries: Carries::Messages(brpc_gob::hub_codec),
        };
        let wires = Wires::new([WireEntry::native(closed), gob]);
        let limits = if options & 4 == 0 { small_limits() } else { Limits::default() };
        Self {
            tape,
            wire,
            hub: Connection::accepted(limits.clone(), wires, clock.now),
            limits,
            clock,
            input: BytesMut::new(),
            unwritten: 0,
            waiting: BTreeMap::new(),
            last_caller: 0,
            started: 0,
            sent: 0,
            consumed: (0, 0),
            manner,
            has_ended: false,
            is_over: false,
        }
    }

    /// Does one step, and all that follows from it.
    fn step(&mut self, choice: u8) {
        match choice % 20 {
            _ if choice == u8::MAX => {
                let said = self.tape.said(usize::MAX);
                self.hear(said);
            }
            0..4 => {
                let said = self.tape.said(usize::from(choice) + 1);
                self.hear(said);
            }
            4 | 5 => {
                let said = self.wire.plugin_says(&mut self.tape);
                self.hear(&said);
            }
            6 => {
                let said = self.tape.said_often(choice);
                self.hear(&said);
            }
            7..10 => self.start_call(),
            10 => self.cancel(),
            11 => self.hub.accept(None),
            12 => _ = self.hub.welcome("fuzzed", 1, [9; 16], self.clock.now),
            13 => self.hub.grant_room(),
            14 => self.ask_to_leave(choice),
            15 => self.return_credit(),
            16 => self.transmit(),
            17 => {
                self.clock.go_on(&self.hub, &mut self.tape);
                self.clock.tick(&mut self.hub);
            }
            18 => {
                let taken = usize::from(self.tape.choice()).min(self.unwritten);
                self.unwritten -= taken;
                self.hub.handle_written(taken, self.unwritten > 0, self.clock.now);
            }
            _ => self.finish(),
        }
        self.tell();
        // The rest of the input may wait for this step.
        self.hear(b"");
    }

    /// The plugin sends something, if it can.
    fn hear(&mut self, said: &[u8]) {
        if self.has_ended {
            return;
        }
        if self.hub.takes_input() {
            self.input.extend_from_slice(said);
        }
        let was_over = self.is_over;
        self.take_input();
        assert!(!was_over || self.input.is_empty(), "what comes after the end is not kept");
        self.tell();
    }

    fn take_input(&mut self) {
        let max_frame = match self.hub.terms() {
            Some(_) => self.limits.max_frame,
            // A plugin's description may be as large whatever the limit of its frames is.
            None => MAX_DESCRIPTION,
        };
        bounded(max_frame, || self.hub.handle_input(&mut self.input, self.clock.now));
    }

    /// The owner handles the events, and answers them if it is obliging.
    fn tell(&mut self) {
        while self.tell_once() {
            self.take_input();
        }
        assert_eq!(self.hub.is_closed(), self.is_over, "the owner is told of the end");
        assert!(self.hub.calls() >= self.waiting.len(), "a call that somebody waits for");
        let (placed, most) = (self.hub.calls_in_progress(), self.limits.max_calls);
        assert!(placed <= most.min(self.hub.calls()), "{placed} places of {most} are taken");
        let most = self.limits.event_credit_bytes.max(2 * self.limits.max_frame as u64);
        let (events, bytes) = self.consumed;
        // At the end, the connection accepts whatever was read.
        let has_credit = events <= self.limits.event_credit && bytes <= most;
        assert!(has_credit || self.has_ended, "events without credit");
        let queued = self.hub.queued_bytes();
        assert!(queued <= self.limits.queue_bytes.max(PAYLOAD), "{queued} bytes are queued");
    }

    /// Whether the owner did something that the rest of the input may wait for.
    fn tell_once(&mut self) -> bool {
        let (footprint, most) = (self.hub.footprint(), most_entries(&self.limits));
        assert!(footprint <= most, "{footprint} entries, and at most {most} should be");
        let mut has_answered = false;
        while let Some(event) = self.hub.poll_event() {
            assert!(!self.is_over, "told after the end: {event:?}");
            match event {
                Event::Settled(caller, settlement) => {
                    assert!(self.waiting.remove(&caller).is_some(), "{caller} is handed back");
                    let _ = settlement.into_result(|| "method");
                }
                Event::Message(message) => {
                    self.consumed.0 += 1;
                    self.consumed.1 += message.len() as u64;
                }
                Event::Closed(..) => self.is_over = true,
                asked if self.manner != Manner::Any => {
                    match asked {
                        Event::WantsRoom(_) => self.hub.grant_room(),
                        Event::Hello(_) => self.hub.accept(None),
                        Event::Described(_) => {
                            _ = self.hub.welcome("fuzzed", 1, [9; 16], self.clock.now);
                        }
                        _ => continue,
                    }
                    has_answered = true;
                }
                _ => {}
            }
        }
        has_answered && !self.has_ended
    }

    fn start_call(&mut self) {
        let (choice, size) = (self.tape.choice(), self.tape.choice());
        let pair = (choice & 4 != 0).then_some(("key", "value"));
        let deadline = if choice & 2 == 0 { None } else { self.clock.later(&mut self.tape) };
        let call = Call {
            method: u32::from(choice >> 4),
            payload: vec![b' '; usize::from(size) * PAYLOAD / 255].into(),
            timeout: deadline.map(|deadline| deadline.saturating_duration_since(self.clock.now)),
            trace: "t".repeat(if choice & 8 == 0 { 0 } else { size.into() }),
            metadata: pair.into_iter().collect::<Metadata>(),
            admission: if choice & 1 == 0 { Admission::Wait } else { Admission::Refuse },
            resumable: None,
        };
        self.last_caller += 1;
        match self.hub.start_call(call, self.last_caller, self.clock.now) {
            Ok(id) => {
                self.started += 1;
                self.waiting.insert(self.last_caller, id);
            }
            Err((caller, _)) => assert_eq!(caller, self.last_caller, "the caller back"),
        }
    }

    fn cancel(&mut self) {
        let id = CallId::from(self.tape.choice());
        if let Some((caller, _)) = self.hub.cancel(id, self.clock.now) {
            assert_eq!(self.waiting.remove(&caller), Some(id), "{caller} is handed back");
        }
    }

    /// The owner asks the plugin to leave, in one way or another.
    fn ask_to_leave(&mut self, choice: u8) {
        let cause = if choice < 128 { DrainCause::Unplug } else { DrainCause::Shutdown };
        let until = self.clock.later(&mut self.tape);
        self.hub.drain(cause, "trace", until);
    }

    /// The owner or the transport ends it.
    fn finish(&mut self) {
        match self.tape.choice() % 5 {
            0 => self.hub.refuse(Refusal::new(RefusalCode::Full, "full")),
            1 => self.hub.close(DisconnectReason::Unplugged),
            2 => self.hub.close(DisconnectReason::SlowConsumer),
            3 => self.end(End::Eof),
            _ => self.end(End::Failed),
        }
    }

    /// Returns some of the credit for consumed events.
    fn return_credit(&mut self) {
        let events = u32::from(self.tape.choice()).min(self.consumed.0);
        let bytes = if events == self.consumed.0 { self.consumed.1 } else { 0 };
        self.hub.return_credit(events, bytes);
        self.consumed.0 -= events;
        self.consumed.1 -= bytes;
    }

    fn transmit(&mut self) {
        let bytes = sent(&mut self.hub, self.clock.now);
        self.unwritten += bytes.len();
        if self.manner == Manner::LetIn {
            self.sent += self.wire.hears(&bytes).len();
            assert!(self.sent <= self.started, "{} of {} calls", self.sent, self.started);
        }
    }

    fn end(&mut self, end: End) {
        self.has_ended = true;
        if !self.hub.takes_input() {
            self.hub.handle_rest(&mut self.input, self.clock.now);
        }
        self.hub.handle_end(end);
        self.tell();
    }
}

/// Entries that a connection may have in all its tables, with the events that the owner hasn't
/// taken.
fn most_entries(limits: &Limits) -> usize {
    let calls = limits.max_calls + limits.queue_calls;
    // Each queue of unsent calls has gaps where calls were cancelled: 64, and two for each entry.
    let unsent = 2 * (64 + 3 * calls);
    // Each call may have ended, and be cancelled; a `Message` spends credit.
    3 * calls + unsent + limits.event_credit as usize + FEW
}

/// Events that come once.
const FEW: usize = 8;

/// The largest payload here.
const PAYLOAD: usize = 300;
