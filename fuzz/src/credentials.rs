//! A run of the handshake of a plugin that shows who it is, on either side.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use brpc_core::Limits;
use brpc_core::limits::MAX_DESCRIPTION;
use brpc_proto::codec::Native;
use brpc_proto::limits::{MAX_HELLO, MAX_TOKEN};
use brpc_proto::{Connection, End, Event, Hello, Key, Role, Secret, Wires};
use bytes::BytesMut;

use crate::clock::Clock;
use crate::memory::bounded;
use crate::tape::Tape;
use crate::wire::{HELLO, sent};

/// Runs the handshake of one side. Of a hub, the plugin's extensions are any bytes, and all that
/// follows; of a plugin, all that the hub sends.
///
/// # Panics
/// If the hub takes a token or a key that breaks its rule, asks one that offers no key, or twice,
/// takes a proof that nobody could make, or lets the plugin in before it; if the plugin sends more
/// than one proof, or one that is of no use.
pub fn run(mut tape: Tape<'_>) {
    if tape.choice() & 1 == 0 { hub(tape) } else { plugin(tape) }
}

fn hub(mut tape: Tape<'_>) {
    let clock = Clock::new();
    let mut hub = Connection::<()>::accepted(Limits::default(), Wires::default(), clock.now);
    let (long, short) = (usize::from(tape.choice()), usize::from(tape.choice()));
    let extensions = tape.said(16 * long + short);
    // A Hello without extensions ends in their number, which is 0.
    let mut hello = SAID.clone();
    hello.pop();
    hello.extend_from_slice(extensions);
    let length = u32::try_from(hello.len() - PREFACE - 4).expect("an input is short");
    hello[PREFACE..PREFACE + 4].copy_from_slice(&length.to_be_bytes());
    let mut input = BytesMut::from(&hello[..]);
    let (mut is_proven, mut told) = (false, BTreeSet::new());
    let may_ask = tape.choice() & 1 == 0;
    loop {
        bounded(MAX_DESCRIPTION, || hub.handle_input(&mut input, clock.now));
        while let Some(event) = hub.poll_event() {
            match event {
                Event::Hello(hello) => {
                    assert!(told.insert("hello"), "one Hello");
                    if let Some(token) = &hello.token {
                        assert!((1..=MAX_TOKEN).contains(&token.as_bytes().len()));
                    }
                    let key = hello.key.as_ref();
                    assert!(key.is_none_or(|key| brpc_core::name::is_plugin_name(key.id())));
                    let _ = format!("{hello:?}");
                    is_proven = !(may_ask && hub.challenge([7; 32]));
                    assert!(is_proven || key.is_some(), "asked for what it doesn't offer");
                    assert!(!may_ask || !hub.challenge([8; 32]), "asked twice");
                    hub.accept(None);
                }
                Event::Proof(proof) => {
                    assert!(told.insert("proof") && !is_proven, "a proof that nobody asked for");
                    assert!(!proof.is_made_with(&SECRET), "nobody can make that");
                    is_proven = true;
                    hub.accept(None);
                }
                Event::Described(_) => assert!(is_proven, "let in before the proof"),
                _ => {}
            }
        }
        let _ = sent(&mut hub, clock.now);
        let more = match tape.next_choice() {
            None => break,
            Some(u8::MAX) => tape.said(usize::MAX),
            Some(count) => tape.said(count.into()),
        };
        if hub.takes_input() {
            input.extend_from_slice(more);
        }
    }
    hub.handle_end(End::Eof);
    assert!(hub.is_closed());
}

fn plugin(mut tape: Tape<'_>) {
    let clock = Clock::new();
    let key = Key::new("key", SECRET.clone(), [9; 32]).expect("it is an id");
    let hello = Hello { key: Some(key), ..HELLO.clone() };
    let codec = Box::new(Native::new(Role::Plugin));
    let mut plugin = Connection::<()>::dialled(codec, hello, Limits::default(), clock.now);
    let _ = sent(&mut plugin, clock.now);
    let (mut input, mut proofs) = (BytesMut::from(&SAID[..PREFACE]), 0);
    while let Some(choice) = tape.next_choice() {
        let said = tape.said(if choice == u8::MAX { usize::MAX } else { choice.into() });
        input.extend_from_slice(said);
        bounded(MAX_HELLO, || plugin.handle_input(&mut input, clock.now));
        while plugin.poll_event().is_some() {}
        let mut said = &sent(&mut plugin, clock.now)[..];
        while let Some((length, rest)) = said.split_first_chunk() {
            let length = u32::from_be_bytes(*length) as usize;
            if rest[0] == PROOF {
                assert_eq!(length, 33, "a kind and a code");
                proofs += 1;
            }
            said = &rest[length..];
        }
        assert!(proofs <= 1, "asked once");
    }
    plugin.handle_end(End::Eof);
    assert!(plugin.is_closed());
}

/// Bytes of a preface.
const PREFACE: usize = 8;

/// The kind of a frame.
const PROOF: u8 = 0x07;

/// What a plugin says first that shows nothing.
static SAID: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let clock = Clock::new();
    let mut limits = Limits::default();
    limits.heartbeat = None;
    let codec = Box::new(Native::new(Role::Plugin));
    sent(&mut Connection::<()>::dialled(codec, HELLO.clone(), limits, clock.now), clock.now)
});

static SECRET: LazyLock<Secret> =
    LazyLock::new(|| Secret::new("0123456789abcdef").expect("it is long enough"));
