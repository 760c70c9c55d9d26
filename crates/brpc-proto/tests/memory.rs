//! What a peer sends takes no more memory than the limits say, whatever it announces. A process of
//! its own, so that nobody else's memory is counted, and one test, so that the parts don't count
//! each other's.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.
#![allow(dead_code)] // Some parts of those modules are for other tests.

#[path = "golden/pair.rs"]
mod pair;
#[path = "golden/vectors.rs"]
mod vectors;

use brpc_core::Labels;
use brpc_proto::{Connection, Event};
use bytes::BytesMut;
use peak_alloc::PeakAlloc;

use crate::pair::{Pair, hello};
use crate::vectors::{frame, vector};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// How many elements or bytes fit into a frame of the session, and into one of the handshake.
const MANY: usize = 500_000;
const SOME: usize = 1_900;

const HELLO: u8 = 0x01;
const REFUSED: u8 = 0x03;
const DESCRIBE: u8 = 0x04;
const WELCOME: u8 = 0x05;
const CALL: u8 = 0x10;
const DRAIN: u8 = 0x13;
const FAILED: u8 = 0x19;
const METADATA: u8 = 0x1C;
const GOODBYE: u8 = 0x1F;

#[test]
fn memory_is_bounded() {
    metadata();
    texts();
    extensions();
    labels();
    descriptions();
}

fn metadata() {
    let empty = list(MANY, &vec![0; 2 * MANY]);
    let large = list(1, &[string(""), string(&"v".repeat(MANY))].concat());
    let announced = varint(u32::MAX as usize);
    let allowed = list(64, &[string("key"), string(&"v".repeat(125))].concat().repeat(64));
    for (what, pairs, most) in [
        ("500,000 empty pairs", empty, 4 * KIB),
        ("a value of 500,000 bytes", large, 4 * KIB),
        ("2^32 pairs", announced, 4 * KIB),
        // A pair takes 64 bytes on the way, and 48 and its texts afterwards.
        ("as many and as large as are allowed", allowed, 24 * KIB),
    ] {
        taken_by_plugin(&format!("a Call with {what}"), &call(&string("t"), &pairs), most);
        taken_by_hub(&format!("Metadata with {what}"), &frame(METADATA, &pairs), most);
    }
}

fn texts() {
    let long = string(&"x".repeat(MANY));
    taken_by_plugin("a Call with a long trace", &call(&long, &[0]), 2 * KIB);
    let drain = frame(DRAIN, &[&[1, 0], &long[..]].concat());
    taken_by_plugin("a Drain with a long trace", &drain, 2 * KIB);
    let goodbye = frame(GOODBYE, &[&[1], &long[..]].concat());
    taken_by_plugin("a Goodbye with a long message", &goodbye, 2 * KIB);
    taken_by_hub("a Goodbye with a long message", &goodbye, 2 * KIB);
    let failed = frame(FAILED, &[&[1, 1], &long[..], &long[..]].concat());
    taken_by_hub("a Failed with a long code and message", &failed, 12 * KIB);
    let refused = frame(REFUSED, &[&[1], &string(&"x".repeat(SOME))[..], &[0, 1, 1]].concat());
    let mut pair = Pair::new();
    let bytes = [vector("preface"), refused].concat();
    let grown = growth(&mut pair.plugin, &bytes);
    judge("a Refused with a long message", bytes.len(), grown, 8 * KIB);
}

fn extensions() {
    let unknown = |count: usize| list(count, &[7, 0].repeat(count));
    for (what, extensions, most) in [
        ("1,900 extensions", unknown(SOME), 2 * KIB),
        ("2^32 extensions", varint(u32::MAX as usize), 2 * KIB),
        ("as many extensions as are allowed", unknown(64), 8 * KIB),
    ] {
        let hello = with_extensions("hello", HELLO, &extensions);
        greeted(&format!("a Hello with {what}"), &hello, most);
        let mut pair = Pair::new();
        pair.plugin_takes(&[vector("preface"), vector("accepted-known")].concat());
        let welcome = with_extensions("welcome", WELCOME, &extensions);
        let grown = growth(&mut pair.plugin, &welcome);
        judge(&format!("a Welcome with {what}"), welcome.len(), grown, most);
    }
}

fn labels() {
    let extended = |labels: &[u8]| {
        let extension = [&[1], &varint(labels.len())[..], labels].concat();
        with_extensions("hello", HELLO, &list(1, &extension))
    };
    greeted("a Hello with 1,900 labels", &extended(&list(SOME, &[0; 2 * SOME])), 2 * KIB);
    greeted("a Hello with 2^32 labels", &extended(&varint(u32::MAX as usize)), 2 * KIB);
    let mut hello = hello();
    let label = |n: u32| (format!("k{n:02}"), "v".repeat(61));
    hello.labels = Labels::new((0..32).map(label)).unwrap();
    let allowed = Pair::of(hello).plugin_sends().split_off(vector("preface").len());
    greeted("a Hello with as many labels as are allowed", &allowed, 16 * KIB);
}

fn descriptions() {
    for (what, body, most) in [
        // A copy of the body, which is kept if it is good.
        ("200,000 methods", list(200_000, &vec![0; 4 * 200_000]), MIB),
        ("2^32 methods", varint(u32::MAX as usize), 4 * KIB),
        ("a name of 500,000 bytes", list(1, &string(&"n".repeat(MANY))), MIB),
    ] {
        described(what, &body, most);
    }
    let method = |n: usize| [string(&format!("m{n}")), vec![0; 3]].concat();
    let body = list(1_024, &(0..1_024).flat_map(method).collect::<Vec<_>>());
    described("as many methods as are allowed", &body, 256 * KIB);
    let values = format!("{{\"enum\":[{}0]}}", "0,".repeat(16_000));
    let body = [string("f"), vec![0, 1], string(&values), vec![0]].concat();
    // A value takes 72 bytes, and a list of them grows by doubling.
    described("as many values as are allowed", &list(1, &body), 3 * MIB);
}

fn taken_by_plugin(what: &str, bytes: &[u8], most: usize) {
    judge(what, bytes.len(), growth(&mut Pair::ready().plugin, bytes), most);
}

/// Takes an answer to a call that was made.
fn taken_by_hub(what: &str, bytes: &[u8], most: usize) {
    judge(what, bytes.len(), growth(&mut Pair::calling(1).hub, bytes), most);
}

fn greeted(what: &str, hello: &[u8], most: usize) {
    let mut pair = Pair::new();
    pair.hub_takes(&vector("preface"));
    judge(what, hello.len(), growth(&mut pair.hub, hello), most);
}

fn described(what: &str, body: &[u8], most: usize) {
    let describe = frame(DESCRIBE, body);
    let grown = growth(&mut Pair::accepted().hub, &describe);
    judge(&format!("a Describe with {what}"), describe.len(), grown, most);
}

/// How much more memory there is at most, while these bytes are taken in, than before. The bytes
/// themselves were there.
fn growth<T>(connection: &mut Connection<T>, bytes: &[u8]) -> usize {
    let mut input = BytesMut::from(bytes);
    let now = std::time::Instant::now();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    connection.handle_input(&mut input, now);
    let events: Vec<Event<T>> = std::iter::from_fn(|| connection.poll_event()).collect();
    let grown = MEMORY.peak_usage() - before;
    drop(events);
    grown
}

fn judge(what: &str, size: usize, grown: usize, most: usize) {
    println!("{what}: {size} bytes take {grown}");
    assert!(grown <= most, "{what}: {grown} bytes");
}

/// The frame of a vector that ends with its extensions, with others.
fn with_extensions(name: &str, kind: u8, extensions: &[u8]) -> Vec<u8> {
    let vector = vector(name);
    frame(kind, &[&vector[5..vector.len() - 1], extensions].concat())
}

fn call(trace: &[u8], metadata: &[u8]) -> Vec<u8> {
    frame(CALL, &[&[1, 0, 0], trace, metadata].concat())
}

fn list(count: usize, elements: &[u8]) -> Vec<u8> {
    [&varint(count), elements].concat()
}

fn string(text: &str) -> Vec<u8> {
    [&varint(text.len()), text.as_bytes()].concat()
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}
