//! What a peer sends takes no more memory than the limits say. A process of its own, so that nobody
//! else's memory is counted, and one test, so that the parts don't count each other's.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.
#![allow(dead_code)] // Some parts of those modules are for other tests.

#[path = "wire/flaw.rs"]
mod flaw;
#[path = "wire/raw.rs"]
mod raw;
#[path = "wire/talk.rs"]
mod talk;

use brpc_gob::{EnvelopeRef, PluginInfo, Reader, Writer};
use bytes::BytesMut;
use peak_alloc::PeakAlloc;

use crate::flaw::{Rng, mutate};
use crate::raw::{
    INT, STRING, fields, int, list, map_of, message, slice_of, struct_of, text, uint, value,
};
use crate::talk::{LIMIT, conversation};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// How much more memory there was at most, meanwhile, than before.
fn growth(during: impl FnOnce()) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    during();
    MEMORY.peak_usage() - before
}

/// Reads an introduction from bytes that are there; what is counted is what is made of them.
fn reading(what: &str, stream: &[u8], most: usize) {
    let mut input = BytesMut::from(stream);
    let mut is_read = false;
    let grown = growth(|| {
        let read = Reader::new().plugin_info(&mut input, LIMIT);
        is_read = matches!(read, Ok(Some(_)));
    });
    println!("{what}: {} bytes take {grown}, read: {is_read}", stream.len());
    assert!(grown <= most, "{what}: {grown} bytes");
}

fn types() -> Vec<u8> {
    [
        struct_of(65, &[("Name", STRING), ("Functions", 66), ("Extra", 70)]),
        map_of(66, STRING, 67),
        struct_of(67, &[("Name", STRING), ("Input", 68), ("Output", 68)]),
        struct_of(68, &[("Name", STRING), ("Type", STRING), ("Fields", 69)]),
        slice_of(69, 68),
        slice_of(70, 71),
        struct_of(71, &[]),
    ]
    .concat()
}

fn functions(count: u64, input: &[u8]) -> Vec<u8> {
    let function =
        |n: u64| [text(format!("{n:0>100}")), fields(&[(0, text("f")), (1, input.to_vec())])];
    let pairs: Vec<_> = (0..count).flat_map(function).collect();
    value(65, fields(&[(1, list(count, &pairs))]))
}

#[test]
fn memory_is_bounded() {
    announced();
    definitions();
    introductions();
    mutations();
    envelopes();
}

fn announced() {
    let few = 2 * KIB;
    for length in [uint(900_000), uint(1 << 30), uint((1 << 63) - 1)] {
        reading("a length that is announced", &length, few);
    }
    let name = [struct_of(65, &[("Name", STRING)]), message(&[int(65), uint(1), uint(300 << 20)])];
    reading("a name of 300 MiB", &name.concat(), few);
    let count = [types(), value(65, fields(&[(2, uint(1 << 60))]))].concat();
    reading("2^60 elements", &count, few + KIB);
    let flood = value(65, fields(&[(2, [uint(900_000), vec![0; 900_000]].concat())]));
    reading("900,000 elements without fields", &[types(), flood].concat(), few + KIB);
}

fn definitions() {
    let types: Vec<_> =
        [struct_of(64, &[])].into_iter().chain((65..10_065).map(|id| slice_of(id, INT))).collect();
    reading("10,001 definitions", &types.concat(), 8 * KIB);
    let names: Vec<_> = (0..1_000).map(|n| format!("{n:x>1000}")).collect();
    let of: Vec<_> = names.iter().map(|name| (&**name, INT)).collect();
    reading("1,000 fields with names of 1,000 bytes", &struct_of(65, &of), 64 * KIB);
    // As many as are allowed, and as small.
    let many: Vec<_> = (64..128).map(|id| struct_of(id, &[("X", INT); 16])).collect();
    reading("as many types and fields as are allowed", &many.concat(), 64 * KIB);
}

fn introductions() {
    // An entity of a byte, of which each takes 80 in memory.
    let wide = fields(&[(2, [uint(16_383), vec![0; 16_383]].concat())]);
    let stream = [types(), functions(1, &wide)].concat();
    reading("as many entities as are allowed", &stream, 2 * MIB);
    let beyond = fields(&[(2, [uint(900_000), vec![0; 900_000]].concat())]);
    reading("900,000 entities", &[types(), functions(1, &beyond)].concat(), 8 * KIB);
    // With texts of a byte, which take the most room for their size.
    let leaf = fields(&[(0, text("n")), (1, text("t"))]);
    let wide = fields(&[(2, list(16_383, &vec![leaf; 16_383]))]);
    let stream = [types(), functions(1, &wide)].concat();
    reading("as many entities with texts as are allowed", &stream, 3 * MIB);
    let stream = [types(), functions(1_024, &[0])].concat();
    reading("as many functions as are allowed", &stream, MIB);
    let stream = [types(), functions(5_000, &[0])].concat();
    reading("5,000 functions", &stream, 8 * KIB);
    let long = value(65, fields(&[(0, text("x".repeat(1_000_000)))]));
    reading("a name of 1 MB", &[types(), long].concat(), MIB + 8 * KIB);
}

fn mutations() {
    let good = conversation();
    let most = (0..20_000).map(|seed| {
        let mut stream = good.clone();
        mutate(&mut stream, &mut Rng(seed));
        let mut input = BytesMut::from(&stream[..]);
        growth(|| {
            let mut reader = Reader::new();
            let _ = reader.plugin_info(&mut input, LIMIT);
            while let Ok(Some(_)) = reader.envelope(&mut input, LIMIT) {}
        })
    });
    let most = most.max().unwrap();
    println!("flaws in {} bytes take at most {most}", good.len());
    // A type table and an introduction, with a hundred entities' room for a count that is wrong.
    assert!(most < 64 * KIB, "{most}");
}

/// Once the types are known, an envelope takes no memory but that of its texts.
fn envelopes() {
    let payload = vec![b' '; 100_000];
    let envelope = EnvelopeRef { seq: 1 << 40, payload: &payload, ..EnvelopeRef::default() };
    let (mut writer, mut out) = (Writer::new(), Vec::with_capacity(2 * payload.len()));
    writer.envelope(envelope, &mut out);
    let mut stream = out.clone();
    out.clear();
    let written = growth(|| writer.envelope(envelope, &mut out));
    assert_eq!(written, 0);

    stream.extend_from_slice(&out);
    stream.extend_from_slice(&out);
    let (mut reader, mut input) = (Reader::new(), BytesMut::from(&stream[..]));
    let mut next = || reader.envelope(&mut input, LIMIT).unwrap().unwrap();
    let first = next();
    let read = growth(|| assert_eq!(next().payload, first.payload));
    assert_eq!(read, 0);

    let mut out = Vec::with_capacity(10 * KIB);
    let written = growth(|| Writer::new().plugin_info(&PluginInfo::new("a", "1", []), &mut out));
    println!("an introduction takes {written} while it is written");
    assert!(written < KIB);
}
