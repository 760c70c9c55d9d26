//! Calls that are handed to a hub's connection while it may be at work.

use brpc_core::{
    CallError, Connection as _, DisconnectReason, DrainCause, HubEvent, Intake, Settlement, Stage,
};

use crate::pair::{Pair, call};

/// Too large to lie beside others.
const LARGE: &str = str_of(&[b'7'; 5_000]);

const fn str_of(bytes: &'static [u8]) -> &'static str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("these are digits"),
    }
}

/// What each is told of these callers.
fn told(pair: &mut Pair) -> Vec<(u64, CallError)> {
    let events = std::iter::from_fn(|| pair.hub.poll_event());
    let ended = events.filter_map(|event| match event {
        HubEvent::Settled(caller, Settlement::Ended(error)) => Some((caller, error)),
        _ => None,
    });
    ended.collect()
}

/// Hands three calls in, which the connection doesn't know of yet.
fn handed(pair: &mut Pair) -> Intake<u64> {
    let mut intake = Intake::default();
    pair.hub.exchange(&mut intake);
    for caller in 1..=3 {
        assert_eq!(intake.start_call(call(0, ""), caller, pair.now).unwrap(), caller);
    }
    intake
}

#[test]
fn they_are_sent_as_those_that_are_started() {
    let inputs = ["1", "22", "", "[333,4]", LARGE, "55555"];
    let (mut one, mut other) = (Pair::ready(), Pair::ready());
    let mut intake = Intake::default();
    // Twice, since the second batch finds what the first has left.
    for _ in 0..2 {
        other.hub.exchange(&mut intake);
        for (caller, input) in (0..).zip(inputs) {
            let started = one.hub.start_call(call(1, input), caller, one.now).unwrap();
            let handed = intake.start_call(call(1, input), caller, one.now).unwrap();
            assert_eq!(handed, started);
        }
        assert!(other.hub.exchange(&mut intake));
        other.hub.handle_handed();
        assert_eq!(other.hub.calls(), one.hub.calls());
        assert_eq!(other.hub.queued_bytes(), one.hub.queued_bytes());
        assert_eq!(other.hub_sends(), one.hub_sends());
    }
}

#[test]
fn they_are_told_of_an_end_that_came_before_them() {
    let mut pair = Pair::ready();
    let mut intake = handed(&mut pair);
    pair.hub.close(DisconnectReason::Unplugged);
    pair.hub.exchange(&mut intake);
    pair.hub.handle_handed();
    let (stage, reason, generation) = (Stage::Queued, DisconnectReason::Unplugged, 7);
    let error = CallError::Disconnected { stage, reason, generation };
    assert_eq!(told(&mut pair), [1, 2, 3].map(|caller| (caller, error.clone())));
}

#[test]
fn they_are_refused_by_a_connection_that_drains() {
    let mut pair = Pair::ready();
    let mut intake = handed(&mut pair);
    pair.hub.drain(DrainCause::Shutdown, "", None);
    pair.hub.exchange(&mut intake);
    pair.hub.handle_handed();
    assert_eq!(told(&mut pair), [1, 2, 3].map(|caller| (caller, CallError::ShuttingDown)));
}

#[test]
fn there_is_no_room_before_the_welcome_and_after_the_end() {
    let mut intake = Intake::default();
    let mut pair = Pair::greeted();
    pair.hub.exchange(&mut intake);
    assert!(intake.start_call(call(0, ""), 1, pair.now).is_err());
    let mut pair = Pair::ready();
    pair.hub.exchange(&mut intake);
    assert!(intake.start_call(call(0, ""), 1, pair.now).is_ok());
    pair.hub.close(DisconnectReason::Unplugged);
    pair.hub.exchange(&mut intake);
    assert!(intake.start_call(call(0, ""), 2, pair.now).is_err());
}
