//! What a plugin shows of itself in the handshake, and when.

use std::time::Duration;

use brpc_core::{DisconnectReason, Limits, ProtocolError, RefusalCode};
use brpc_proto::{End, Event, Hello, Key, Proof};

use crate::pair::{NONCE, Pair, hello, key, secret};
use crate::vectors::{frame, vector};

/// The proof among these events.
fn proof(events: &[Event<u64>]) -> &Proof {
    match events {
        [Event::Proof(proof)] => proof,
        events => panic!("{events:?}"),
    }
}

/// All that the plugin sent is sent again, to a hub that asks again.
#[test]
fn h22_a_recorded_handshake_proves_nothing_on_another_connection() {
    let mut recorded = Pair::of(Hello { key: Some(key()), ..hello() });
    let said = recorded.plugin_sends();
    for (nonce, is_let_in) in [(*NONCE, true), ([7; 32], false)] {
        let mut pair = Pair::new();
        assert!(matches!(pair.hub_takes(&said)[..], [Event::Hello(_)]));
        assert!(pair.hub.challenge(nonce));
        let events = pair.hub_takes(&vector("proof"));
        assert_eq!(proof(&events).is_made_with(&secret()), is_let_in);
    }
}

/// A proof is about all that the plugin has said of itself, so nobody can change that on the way.
#[test]
fn h22_a_proof_holds_for_what_was_said_with_it() {
    let said = vector("hello-key");
    for place in [said.len() - 100, said.len() - 40, said.len() - 1] {
        let mut said = said.clone();
        said[place] ^= 1;
        let mut pair = Pair::new();
        let events = pair.hub_takes(&[vector("preface"), said].concat());
        assert!(matches!(events[..], [Event::Hello(_)]), "{place}: {events:?}");
        assert!(pair.hub.challenge(*NONCE));
        let events = pair.hub_takes(&vector("proof"));
        assert!(!proof(&events).is_made_with(&secret()), "byte {place}");
    }
}

#[test]
fn h23_a_proof_that_comes_early_counts_as_the_answer_or_as_a_breach() {
    let early = |asked: bool| {
        let hello = Hello { key: Some(key()), ..hello() };
        let mut pair = Pair::of(hello);
        let said = [pair.plugin_sends(), frame(0x07, &[0; 32])].concat();
        assert!(matches!(pair.hub_takes(&said)[..], [Event::Hello(_)]), "it waits for the answer");
        if asked {
            assert!(pair.hub.challenge(*NONCE));
        } else {
            pair.hub.accept(None);
        }
        pair.hub_takes(&[])
    };
    assert!(!proof(&early(true)).is_made_with(&secret()));
    let events = early(false);
    let [Event::Refused(refusal), Event::Closed(..)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::Protocol);
}

#[test]
fn h23_a_second_proof_is_a_breach() {
    let mut pair = Pair::challenged();
    assert!(matches!(pair.hub_takes(&vector("proof").repeat(2))[..], [Event::Proof(_)]));
    pair.hub.accept(None);
    let events = pair.hub_takes(&[]);
    let [Event::Refused(refusal), Event::Closed(..)] = &events[..] else { panic!("{events:?}") };
    let unexpected = ProtocolError::UnexpectedFrame { kind: 0x07 };
    assert_eq!(refusal.message, unexpected.to_string());
}

/// Whoever is in the middle and drops the key gets no further than without one.
#[test]
fn h09_a_key_that_was_taken_out_leaves_nothing_to_ask_for() {
    let mut pair = Pair::new();
    let hello = pair.plugin_sends();
    assert!(matches!(pair.hub_takes(&hello)[..], [Event::Hello(_)]));
    assert!(!pair.hub.challenge(*NONCE));
    assert!(pair.hub_sends().is_empty(), "nothing is said");
    pair.hub.accept(None);
    assert!(!pair.hub.challenge(*NONCE), "nor is it the owner's turn");
}

#[test]
fn a_hub_asks_once_and_lets_nobody_in_before_the_answer() {
    let mut pair = Pair::challenged();
    assert!(!pair.hub.challenge([7; 32]));
    pair.hub.accept(hello().description);
    pair.welcome_in_vain();
    pair.hub_takes(&vector("proof"));
    assert!(!pair.hub.challenge([7; 32]), "not after the answer either");
    pair.hub.accept(hello().description);
    assert!(matches!(pair.hub_takes(&[])[..], [Event::Described(_)]));
    pair.welcome();
}

/// As one that is silent from the start.
#[test]
fn who_proves_nothing_in_time_is_refused() {
    let mut pair = Pair::challenged();
    pair.wait(Limits::default().hello_deadline);
    let events = pair.hub_takes(&[]);
    let [Event::Refused(refusal), Event::Closed(..)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::HandshakeTimeout);
    let mut pair = Pair::challenged();
    pair.hub.give_way(pair.now);
    pair.wait(Duration::ZERO);
    let events = pair.hub_takes(&[]);
    let [Event::Refused(refusal), Event::Closed(..)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::Full);
}

#[test]
fn what_one_that_has_gone_has_proved_is_withdrawn() {
    let mut pair = Pair::challenged();
    let mut proof = vector("proof")[..].into();
    pair.hub.handle_input(&mut proof, pair.now);
    pair.hub.handle_end(End::Failed);
    let event = pair.hub.poll_event();
    assert!(matches!(event, Some(Event::Closed(DisconnectReason::Reset, _))), "{event:?}");
}

/// A key without its secret, as a hub has it, proves nothing.
#[test]
fn the_secret_is_needed_and_stays_where_it_is() {
    let events = Pair::new().hub_takes(&[vector("preface"), vector("hello-key")].concat());
    let [Event::Hello(received)] = &events[..] else { panic!("{events:?}") };
    let key: Option<Key> = received.key.clone();
    let mut pair = Pair::of(Hello { key, ..hello() });
    pair.plugin_sends();
    let challenged = [vector("preface"), vector("challenge")].concat();
    let unexpected = ProtocolError::UnexpectedFrame { kind: 0x06 };
    assert_eq!(pair.plugin_finds(&challenged), Some(unexpected));
}
