//! The protocol of a peer is recognized from its first bytes, whatever they are: without a panic,
//! within 18 bytes, and for good.
#![no_main]

use brpc_proto::{Sniffed, sniff};
use libfuzzer_sys::fuzz_target;

/// The most bytes that it takes to tell the protocols apart: two numbers of gob's.
const ENOUGH: usize = 18;

fuzz_target!(|bytes: &[u8]| {
    // All at once...
    let at_once = sniff(bytes);
    // ...and byte by byte.
    let mut told = Sniffed::Undecided;
    for count in 0..=bytes.len() {
        let now = sniff(&bytes[..count]);
        assert!(told == Sniffed::Undecided || told == now, "{told:?} at first, now {now:?}");
        assert!(count < ENOUGH || now != Sniffed::Undecided, "{count} bytes don't tell");
        told = now;
    }
    assert_eq!(told, at_once);
});
