//! Calls that are handed to a hub's connection while it may be at work.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use brpc_core::codec::{
    Entry, ForeignWire, FromPlugin, HubCodec, Introduced, ToPlugin, Wire, Wires,
};
use brpc_core::describe::Description;
use brpc_core::limits::MAX_TRANSMIT;
use brpc_core::{
    CallError, CallId, Connection as _, DisconnectReason, DrainCause, Function, Greeting,
    HubConnection, HubEvent, Intake, Labels, Limits, NewCall, ProtocolError, Refusal, Settlement,
    Stage, WriteBuffer,
};
use bytes::{Buf as _, BytesMut};

use crate::pair::{EPOCH, Pair, call};

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
    pair.hub.offer(&mut intake);
    for caller in 1..=3 {
        assert_eq!(intake.start_call(call(0, ""), &[], caller).unwrap(), caller);
    }
    intake
}

/// What a connection sends after it took over what was handed in, at once if there is `room`.
fn sent_after_take_over(pair: &mut Pair, intake: &mut Intake<u64>, room: bool) -> Vec<u8> {
    let mut out = WriteBuffer::new();
    pair.hub.take_over(intake);
    pair.hub.handle_handed(room.then_some(&mut out), pair.now);
    let mut sent = out.copy_to_bytes(out.remaining()).to_vec();
    sent.extend(pair.hub_sends());
    sent
}

#[test]
fn they_are_sent_as_those_that_are_started() {
    let inputs = ["1", "22", "", "[333,4]", LARGE, "55555"];
    for room in [false, true] {
        let (mut one, mut other) = (Pair::ready(), Pair::ready());
        let mut intake = Intake::default();
        // Twice, since the second batch finds what the first has left.
        for _ in 0..2 {
            other.hub.offer(&mut intake);
            for (caller, input) in (0..).zip(inputs) {
                let started = one.hub.start_call(call(1, input), caller, one.now).unwrap();
                let handed = intake.start_call(call(1, ""), input.as_bytes(), caller).unwrap();
                assert_eq!(handed, started);
            }
            assert_eq!(sent_after_take_over(&mut other, &mut intake, room), one.hub_sends());
            assert_eq!(other.hub.calls(), one.hub.calls());
            assert_eq!(other.hub.queued_bytes(), one.hub.queued_bytes());
        }
    }
}

#[test]
fn those_that_are_too_many_for_a_write_go_with_the_next() {
    let count = u64::try_from(2 * MAX_TRANSMIT / LARGE.len()).unwrap();
    let (mut one, mut other) = (Pair::ready(), Pair::ready());
    let mut intake = Intake::default();
    other.hub.offer(&mut intake);
    for caller in 1..=count {
        one.hub.start_call(call(1, LARGE), caller, one.now).unwrap();
        intake.start_call(call(1, LARGE), &[], caller).unwrap();
    }
    let mut out = WriteBuffer::new();
    other.hub.take_over(&mut intake);
    other.hub.handle_handed(Some(&mut out), other.now);
    assert!((MAX_TRANSMIT..MAX_TRANSMIT + 2 * LARGE.len()).contains(&out.remaining()));
    // What is handed in now comes behind those that wait.
    other.hub.offer(&mut intake);
    one.hub.start_call(call(1, "1"), count + 1, one.now).unwrap();
    assert_eq!(intake.start_call(call(1, ""), b"1", count + 1).unwrap(), count + 1);
    let mut sent = out.copy_to_bytes(out.remaining()).to_vec();
    sent.extend(sent_after_take_over(&mut other, &mut intake, true));
    assert_eq!(sent, one.hub_sends());
}

#[test]
fn they_are_told_of_an_end_that_came_before_them() {
    let mut pair = Pair::ready();
    let mut intake = handed(&mut pair);
    pair.hub.close(DisconnectReason::Unplugged);
    pair.hub.take_over(&mut intake);
    pair.hub.handle_handed(None, pair.now);
    let (stage, reason, generation) = (Stage::Queued, DisconnectReason::Unplugged, 7);
    let error = CallError::Disconnected { stage, reason, generation };
    assert_eq!(told(&mut pair), [1, 2, 3].map(|caller| (caller, error.clone())));
}

#[test]
fn they_are_refused_by_a_connection_that_drains() {
    let mut pair = Pair::ready();
    let mut intake = handed(&mut pair);
    pair.hub.drain(DrainCause::Shutdown, "", None);
    pair.hub.take_over(&mut intake);
    pair.hub.handle_handed(None, pair.now);
    assert_eq!(told(&mut pair), [1, 2, 3].map(|caller| (caller, CallError::ShuttingDown)));
}

#[test]
fn there_is_no_room_before_the_welcome_and_after_the_end() {
    let mut intake = Intake::default();
    let pair = Pair::greeted();
    pair.hub.offer(&mut intake);
    assert!(intake.start_call(call(0, ""), &[], 1).is_err());
    let mut pair = Pair::ready();
    pair.hub.offer(&mut intake);
    assert!(intake.start_call(call(0, ""), &[], 1).is_ok());
    pair.hub.close(DisconnectReason::Unplugged);
    pair.hub.offer(&mut intake);
    assert!(intake.start_call(call(0, ""), &[], 2).is_err());
}

/// A codec that can't write the second call.
#[derive(Debug)]
struct Faulty;

impl HubCodec for Faulty {
    fn introduction(
        &mut self,
        input: &mut BytesMut,
        _limit: usize,
    ) -> Result<Option<Introduced>, Refusal> {
        input.clear();
        let description = Description::new(&[Function::new("Echo")]).unwrap();
        let greeting = Greeting {
            wire: Wire::Gob,
            name: "edge".to_owned(),
            version: String::new(),
            labels: Labels::default(),
            instance: [0; 16],
            digest: *description.digest(),
        };
        Ok(Some(Introduced { greeting, description: description.into() }))
    }

    fn next(&mut self, _: &mut BytesMut, _: usize) -> Result<Option<FromPlugin>, ProtocolError> {
        Ok(None)
    }

    fn call(&mut self, id: CallId, _call: &NewCall, _out: &mut WriteBuffer) {
        assert!(id != 2, "a fault");
    }

    fn encode(&mut self, _message: ToPlugin<'_>, _out: &mut WriteBuffer) {}
}

#[test]
fn a_codec_that_panics_leaves_nobody_waiting() {
    let mut pair = Pair::new();
    let gob = ForeignWire { entry: Entry::Open, codec: || Box::new(Faulty) };
    let wires = Wires { gob: Some(gob), ..Wires::default() };
    pair.hub = HubConnection::with_wires(Limits::default(), wires, pair.now);
    pair.hub_takes(&[0x0A, 0x7F]);
    pair.hub.accept(None);
    pair.hub.welcome("edge", 7, EPOCH);
    let mut intake = handed(&mut pair);
    pair.hub.take_over(&mut intake);
    let sends = AssertUnwindSafe(|| {
        pair.hub.handle_handed(Some(&mut WriteBuffer::new()), pair.now);
    });
    assert!(catch_unwind(sends).is_err());
    pair.hub.close(DisconnectReason::ShutdownForced);
    let told = told(&mut pair).into_iter().map(|(caller, error)| {
        assert!(matches!(error, CallError::Disconnected { generation: 7, .. }), "{error}");
        caller
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), BTreeSet::from([1, 2, 3]));
}
