//! A run of the plugin's side of a connection.

use std::collections::{BTreeMap, BTreeSet};

use brpc_core::{DisconnectReason, Failure, Limits, Metadata, Status};
use brpc_proto::codec::{Codec, Native};
use brpc_proto::{CallId, Connection, EmitError, End, Event, Role};
use bytes::{Bytes, BytesMut};

use crate::clock::Clock;
use crate::memory::bounded;
use crate::tape::Tape;
use crate::wire::{HELLO, Wire, sent, small_limits};

/// Runs a plugin's side of a connection to its end. The hub may send anything; the owner may do
/// anything at any time.
///
/// # Panics
/// If the connection breaks a promise: it passes on a call twice or accepts two answers to it, more
/// calls run than may, an event follows the end, its tables hold more than the limits allow, or
/// what it sends is invalid on the wire.
pub fn run(wire: Wire, mut tape: Tape<'_>) {
    let options = tape.choice();
    let mut run = Run::new(wire, options, tape);
    if options & 1 == 0 {
        let said = run.wire.welcome();
        run.hear(&said);
    }
    while let Some(choice) = run.tape.next_choice() {
        run.step(choice);
    }
    if !run.has_ended {
        run.end(if options & 0x80 == 0 { End::Eof } else { End::Failed });
    }
    assert!(run.plugin.is_closed() && run.is_over, "a connection without a transport is over");
    assert_eq!((run.plugin.footprint(), run.plugin.running()), (0, 0));
}

struct Run<'a> {
    tape: Tape<'a>,
    wire: Wire,
    plugin: Connection<()>,
    limits: Limits,
    clock: Clock,
    /// What the hub sent and the connection has not taken.
    input: BytesMut,
    /// Bytes that the transport has not taken.
    unwritten: usize,
    /// Calls that the owner must answer, and whether they were cancelled.
    open: BTreeMap<CallId, bool>,
    /// The id of the newest call.
    last_id: CallId,
    /// Calls that the owner was told of.
    told: BTreeSet<CallId>,
    /// Calls that the hub has an answer to, if it gave them numbers of their own.
    heard: BTreeSet<CallId>,
    /// Calls that the owner has answered, and answers of it that were sent.
    answered: usize,
    sent: usize,
    /// Whether the `Hello` was sent.
    has_said_hello: bool,
    /// Whether the transport has ended.
    has_ended: bool,
    /// Whether the owner got the event that the connection is over.
    is_over: bool,
}

impl<'a> Run<'a> {
    fn new(wire: Wire, options: u8, tape: Tape<'a>) -> Self {
        let clock = Clock::new();
        let limits = if options & 4 == 0 { small_limits() } else { Limits::default() };
        let now = clock.now;
        let codec: Box<dyn Codec> = match wire {
            Wire::Native => Box::new(Native::new(Role::Plugin)),
            Wire::Gob { .. } => brpc_gob::plugin_codec(),
        };
        let plugin = Connection::dialled(codec, HELLO.clone(), limits.clone(), now);
        Self {
            tape,
            wire,
            plugin,
            limits,
            clock,
            input: BytesMut::new(),
            unwritten: 0,
            open: BTreeMap::new(),
            last_id: 0,
            told: BTreeSet::new(),
            heard: BTreeSet::new(),
            answered: 0,
            sent: 0,
            has_said_hello: false,
            has_ended: false,
            is_over: false,
        }
    }

    /// Does one step, and all that follows from it.
    fn step(&mut self, choice: u8) {
        match choice % 16 {
            _ if choice == u8::MAX => {
                let said = self.tape.said(usize::MAX);
                self.hear(said);
            }
            0..4 => {
                let said = self.tape.said(usize::from(choice) + 1);
                self.hear(said);
            }
            4..7 => {
                let said = self.wire.hub_says(&mut self.tape);
                self.hear(&said);
            }
            7 => {
                let said = self.tape.said_often(choice);
                self.hear(&said);
            }
            8 | 9 => self.answer(),
            10 => self.emit(),
            11 => self.transmit(),
            12 => {
                self.clock.go_on(&self.plugin, &mut self.tape);
                self.clock.tick(&mut self.plugin);
            }
            13 => {
                let taken = usize::from(self.tape.choice()).min(self.unwritten);
                self.unwritten -= taken;
                self.plugin.handle_written(taken, self.unwritten > 0, self.clock.now);
            }
            14 => self.plugin.leave(),
            _ => self.finish(),
        }
        self.tell();
        // The rest of the input may wait for this step.
        self.hear(b"");
    }

    /// The hub sends something, if it can.
    fn hear(&mut self, said: &[u8]) {
        if self.has_ended {
            return;
        }
        if self.plugin.takes_input() {
            self.input.extend_from_slice(said);
        }
        let was_over = self.is_over;
        let plugin = &mut self.plugin;
        bounded(self.limits.max_frame, || plugin.handle_input(&mut self.input, self.clock.now));
        assert!(!was_over || self.input.is_empty(), "what comes after the end is not kept");
        self.tell();
    }

    /// The owner handles the events.
    fn tell(&mut self) {
        let (footprint, most) = (self.plugin.footprint(), most_entries(&self.limits));
        assert!(footprint <= most, "{footprint} entries, and at most {most} should be");
        while let Some(event) = self.plugin.poll_event() {
            assert!(!self.is_over, "told after the end: {event:?}");
            match event {
                Event::Call { id, .. } => {
                    assert!(id > self.last_id, "call {id} comes again");
                    self.last_id = id;
                    self.told.insert(id);
                    self.open.insert(id, false);
                }
                Event::Cancel(id) => {
                    let was_cancelled = self.open.insert(id, true);
                    assert_eq!(was_cancelled, Some(false), "call {id} is cancelled");
                }
                Event::Closed(..) => self.is_over = true,
                _ => {}
            }
        }
        assert_eq!(self.plugin.is_closed(), self.is_over, "the owner is told of the end");
        let running = if self.is_over { 0 } else { self.open.len() };
        assert_eq!(self.plugin.running(), running);
        assert!(running <= self.limits.max_calls, "{running} calls at once");
    }

    /// The owner answers a call, whether it was made, is answered, or neither.
    fn answer(&mut self) {
        let (id, choice) = (CallId::from(self.tape.choice()), self.tape.choice());
        let text = " ".repeat(self.tape.size());
        let answer = match choice % 4 {
            0 => Err(Failure::new(Status::MethodNotFound, "")),
            1 => Err(Failure::new(Status::Method, text)),
            _ => Ok(Bytes::from(text)),
        };
        let metadata: Metadata = (0..choice / 64).map(|n| (n.to_string(), "value")).collect();
        let is_taken = self.plugin.answer(id, answer, metadata);
        let is_due = self.open.remove(&id).is_some() && !self.is_over;
        assert_eq!(is_taken, is_due, "an answer to call {id}");
        self.answered += usize::from(is_taken);
    }

    fn emit(&mut self) {
        let emitted = self.plugin.emit(&vec![b' '; self.tape.size()]);
        assert!(!self.is_over || emitted == Err(EmitError::Closed), "{emitted:?} after the end");
    }

    fn transmit(&mut self) {
        let bytes = sent(&mut self.plugin, self.clock.now);
        self.unwritten += bytes.len();
        // That it is over, if this was the last.
        self.tell();
        let mut said = BytesMut::from(&bytes[..]);
        if !self.has_said_hello {
            self.has_said_hello = true;
            self.wire.hears_hello(&mut said);
        }
        for id in self.wire.hears(&said) {
            if matches!(self.wire, Wire::Native) {
                assert!(self.heard.insert(id), "call {id} is answered again");
                if !self.told.contains(&id) {
                    // It was cancelled before the owner was told of it.
                    continue;
                }
            }
            self.sent += 1;
        }
        assert!(self.sent <= self.answered, "{} of {} answers", self.sent, self.answered);
        assert!(self.is_over || self.sent == self.answered, "an answer is lost");
    }

    /// The owner or the transport ends it.
    fn finish(&mut self) {
        match self.tape.choice() % 4 {
            0 => self.plugin.close(DisconnectReason::Clean),
            1 => self.plugin.close(DisconnectReason::SlowSender),
            2 => self.end(End::Eof),
            _ => self.end(End::Failed),
        }
    }

    fn end(&mut self, end: End) {
        self.has_ended = true;
        self.plugin.handle_end(end);
        self.tell();
    }
}

/// Entries that a connection may have in all its tables, with the events that the owner hasn't
/// taken.
fn most_entries(limits: &Limits) -> usize {
    // A running call or an unsent answer, with its `Call` and its `Cancel`. Between two of these
    // there is at most one `Credit`.
    2 * (limits.max_calls + 2 * limits.max_calls) + FEW
}

/// Events that come once.
const FEW: usize = 8;
