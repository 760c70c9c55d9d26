//! The protocol alone, without a runtime: what it takes to turn calls and answers into bytes and
//! back.

use std::time::{Duration, Instant};

use brpc_core::{Function, Limits, Metadata};
use brpc_proto::codec::Native;
use brpc_proto::{
    Call, CallId, Connection, Description, Event, Hello, Role, Wires, WriteBuffer, json,
};
use bytes::{Buf as _, Bytes, BytesMut};
use gungraun::{library_benchmark, library_benchmark_group};

use crate::load::{Message, OPERATIONS};

/// Both sides of a connection, and the bytes between them.
struct Pair {
    hub: Connection<()>,
    plugin: Connection<()>,
    now: Instant,
    /// How many calls or answers are encoded or decoded at a time.
    at_once: usize,
    calls: Vec<Call>,
    outputs: Vec<(CallId, Bytes)>,
    /// What was written, and what is to be read; an element for each turn.
    written: Vec<WriteBuffer>,
    read: Vec<BytesMut>,
}

impl Pair {
    /// A pair that has finished the handshake and made its calls once.
    fn to_encode_calls(at_once: usize) -> Self {
        let now = Instant::now();
        let description = Description::new(&[Function::new("work")]).expect("it is valid");
        let hello = Hello::new("plugin", description.into());
        let codec = Box::new(Native::new(Role::Plugin));
        let mut pair = Self {
            hub: Connection::accepted(Limits::default(), Wires::default(), now),
            plugin: Connection::dialled(codec, hello, Limits::default(), now),
            now,
            at_once,
            calls: Vec::new(),
            outputs: Vec::new(),
            written: Vec::new(),
            read: Vec::new(),
        };
        pair.shake_hands();
        pair.prepare_calls();
        pair.encode_calls();
        pair.carry();
        pair.decode_calls();
        pair.encode_answers();
        pair.carry();
        pair.decode_answers();
        pair.prepare_calls();
        pair
    }

    fn to_decode_calls(at_once: usize) -> Self {
        let mut pair = Self::to_encode_calls(at_once);
        pair.encode_calls();
        pair.carry();
        pair
    }

    fn to_encode_answers(at_once: usize) -> Self {
        let mut pair = Self::to_decode_calls(at_once);
        pair.decode_calls();
        pair
    }

    fn to_decode_answers(at_once: usize) -> Self {
        let mut pair = Self::to_encode_answers(at_once);
        pair.encode_answers();
        pair.carry();
        pair
    }

    fn shake_hands(&mut self) {
        carry(&mut self.plugin, &mut self.hub, self.now);
        assert!(matches!(self.hub.poll_event(), Some(Event::Hello(_))));
        self.hub.accept(None);
        carry(&mut self.hub, &mut self.plugin, self.now);
        carry(&mut self.plugin, &mut self.hub, self.now);
        assert!(matches!(self.hub.poll_event(), Some(Event::Described(_))));
        self.hub.welcome("plugin", 1, [9; 16], self.now);
        assert!(matches!(self.hub.poll_event(), Some(Event::Welcomed(_))));
        carry(&mut self.hub, &mut self.plugin, self.now);
        assert!(matches!(self.plugin.poll_event(), Some(Event::Welcomed(_))));
    }

    fn prepare_calls(&mut self) {
        let payload = json::encode(&Message::new(64)).expect("it encodes");
        let timeout = Some(Duration::from_secs(30));
        let call = Call { payload, timeout, ..Call::default() };
        self.calls = vec![call; OPERATIONS];
        self.outputs = Vec::with_capacity(OPERATIONS);
        self.written = self.turns().map(|_| WriteBuffer::new()).collect();
    }

    /// Passes on what was written, and makes room for what comes next.
    fn carry(&mut self) {
        self.read = self.written.iter_mut().map(taken).collect();
        self.written = self.turns().map(|_| WriteBuffer::new()).collect();
    }

    fn turns(&self) -> impl Iterator<Item = usize> + use<> {
        0..OPERATIONS / self.at_once
    }

    fn encode_calls(&mut self) {
        let mut calls = std::mem::take(&mut self.calls).into_iter();
        for written in &mut self.written {
            for call in calls.by_ref().take(self.at_once) {
                self.hub.start_call(call, (), self.now).expect("there is a place");
            }
            self.hub.poll_transmit(written, self.now);
        }
    }

    fn decode_calls(&mut self) {
        for read in &mut self.read {
            self.plugin.handle_input(read, self.now);
            while let Some(event) = self.plugin.poll_event() {
                let Event::Call { id, call, .. } = event else { panic!("not a call") };
                self.outputs.push((id, call.payload));
            }
        }
    }

    fn encode_answers(&mut self) {
        let mut outputs = self.outputs.drain(..);
        for written in &mut self.written {
            for (id, output) in outputs.by_ref().take(self.at_once) {
                self.plugin.answer(id, Ok(output), Metadata::new());
            }
            self.plugin.poll_transmit(written, self.now);
        }
    }

    fn decode_answers(&mut self) {
        for read in &mut self.read {
            self.hub.handle_input(read, self.now);
            while let Some(event) = self.hub.poll_event() {
                let Event::Settled((), answer) = event else { panic!("not an answer") };
                answer.into_result(|| "work").expect("an output");
            }
        }
    }
}

fn carry(from: &mut Connection<()>, to: &mut Connection<()>, now: Instant) {
    let mut written = WriteBuffer::new();
    from.poll_transmit(&mut written, now);
    to.handle_input(&mut taken(&mut written), now);
}

fn taken(written: &mut WriteBuffer) -> BytesMut {
    BytesMut::from(&*written.copy_to_bytes(written.remaining()))
}

#[library_benchmark(setup = Pair::to_encode_calls)]
#[bench::one(1)]
#[bench::many(OPERATIONS)]
fn encode_call(mut pair: Pair) -> Pair {
    pair.encode_calls();
    pair
}

#[library_benchmark(setup = Pair::to_decode_calls)]
#[bench::one(1)]
#[bench::many(OPERATIONS)]
fn decode_call(mut pair: Pair) -> Pair {
    pair.decode_calls();
    pair
}

#[library_benchmark(setup = Pair::to_encode_answers)]
#[bench::one(1)]
#[bench::many(OPERATIONS)]
fn encode_answer(mut pair: Pair) -> Pair {
    pair.encode_answers();
    pair
}

#[library_benchmark(setup = Pair::to_decode_answers)]
#[bench::one(1)]
#[bench::many(OPERATIONS)]
fn decode_answer(mut pair: Pair) -> Pair {
    pair.decode_answers();
    pair
}

#[library_benchmark(setup = Message::new)]
#[bench::of_64_b(64)]
#[bench::of_1_kib(1024)]
fn encode_json(message: Message) -> Vec<Bytes> {
    (0..OPERATIONS).map(|_| json::encode(&message).expect("it encodes")).collect()
}

#[library_benchmark(setup = encoded)]
#[bench::of_64_b(64)]
#[bench::of_1_kib(1024)]
fn decode_json(payload: Bytes) -> Vec<Message> {
    (0..OPERATIONS).map(|_| json::decode(&payload).expect("it decodes")).collect()
}

fn encoded(bytes: usize) -> Bytes {
    json::encode(&Message::new(bytes)).expect("it encodes")
}

library_benchmark_group!(
    name = protocol_alone,
    benchmarks = [encode_call, decode_call, encode_answer, decode_answer, encode_json, decode_json]
);
