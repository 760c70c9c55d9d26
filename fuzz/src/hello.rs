//! A run of what a plugin says of itself: its Hello and its Describe.

use std::collections::BTreeSet;

use brpc_core::labels::{MAX_LABEL_BYTES, MAX_LABELS};
use brpc_core::limits::{MAX_DESCRIPTION, MAX_METHODS};
use brpc_core::{Limits, name};
use brpc_proto::{Connection, Description, Event, Hello, Wires};
use bytes::BytesMut;
use sha2::{Digest as _, Sha256};

use crate::clock::Clock;
use crate::memory::bounded;
use crate::tape::Tape;
use crate::wire::{DESCRIBES, IDENTIFIES, PREFACE, Wire, frame, put_number, sent};

/// Has a hub hear a plugin out whose Hello and Describe are any bytes, in whole frames.
///
/// # Panics
/// If the hub takes a name, a version, labels or methods that break their rule, says anything else
/// when the same arrives in pieces, or needs more memory than the largest description and a little.
pub fn run(mut tape: Tape<'_>) {
    let options = tape.choice();
    let (long, short) = (usize::from(tape.choice()), usize::from(tape.choice()));
    let first = tape.said(16 * long + short);
    let described = tape.said(usize::MAX);
    let hello = if options & 1 == 0 { well_formed(first, described) } else { first.to_vec() };
    let said = [PREFACE, &frame(IDENTIFIES, &[], &hello), &frame(DESCRIBES, &[], described)];
    let said = said.concat();
    let answer = hear(&said, said.len());
    let piece = 1 + usize::from(options >> 1);
    assert_eq!(hear(&said, piece), answer, "in pieces of {piece}");
    Wire::Native.hears(&answer);
}

/// A Hello with these bytes as name, version and extensions, and with the right digest.
fn well_formed(parts: &[u8], described: &[u8]) -> Vec<u8> {
    let mut parts = Tape::new(parts);
    let (name, version) = (parts.choice(), parts.choice());
    let mut hello = HEAD.to_vec();
    for text in [name, version].map(|length| parts.said(length.into())) {
        put_number(text.len() as u64, &mut hello);
        hello.extend_from_slice(text);
    }
    hello.extend_from_slice(&[7; 16]);
    hello.extend_from_slice(&Sha256::digest(described));
    hello.extend_from_slice(parts.said(usize::MAX));
    hello
}

/// What a hub says that hears this in pieces of so many bytes.
fn hear(said: &[u8], piece: usize) -> Vec<u8> {
    let clock = Clock::new();
    let mut hub = Connection::<()>::accepted(Limits::default(), Wires::default(), clock.now);
    let (mut input, mut answer) = (BytesMut::new(), Vec::new());
    for piece in said.chunks(piece) {
        if hub.takes_input() {
            input.extend_from_slice(piece);
        }
        loop {
            bounded(MAX_DESCRIPTION, || hub.handle_input(&mut input, clock.now));
            let Some(event) = hub.poll_event() else { break };
            match event {
                Event::Hello(hello) => {
                    check_hello(&hello);
                    hub.accept(None);
                }
                Event::WantsRoom(_) => hub.grant_room(),
                Event::Described(description) => {
                    check_description(&description);
                    hub.welcome("fuzzed", 1, [9; 16], clock.now);
                }
                _ => {}
            }
            answer.extend(sent(&mut hub, clock.now));
        }
    }
    answer.extend(sent(&mut hub, clock.now));
    answer
}

fn check_hello(hello: &Hello) {
    assert!(name::is_plugin_name(&hello.name) && name::is_version(&hello.version));
    let labels: Vec<_> = hello.labels.iter().collect();
    assert!(labels.len() <= MAX_LABELS);
    let bytes: usize = labels.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert!(bytes <= MAX_LABEL_BYTES);
    let are_fit =
        |(key, value): &(&str, &str)| name::is_label_key(key) && name::is_label_value(value);
    assert!(labels.iter().all(are_fit));
    let keys: BTreeSet<_> = labels.iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), labels.len(), "a key for each label");
    let _ = format!("{hello:?}");
}

fn check_description(description: &Description) {
    assert!(description.len() <= MAX_METHODS);
    let functions = description.functions();
    assert_eq!(functions.len(), description.len());
    for (number, (name, function)) in (0..).zip(description.names().zip(&functions)) {
        assert!(name::is_method_name(name) && function.name == name);
        // So there is none twice.
        assert_eq!(description.method(name), Some(number));
    }
}

/// A Hello up to its name: versions, features, the limits of frames and calls.
const HEAD: [u8; 8] = [1, 1, 3, 0x80, 0x80, 0x40, 0x80, 0x08];
