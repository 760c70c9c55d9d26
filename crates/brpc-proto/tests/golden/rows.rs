//! What `docs/security.md` says of one connection, a test for each row.

use brpc_core::ProtocolError::{self, *};
use brpc_core::{CallErrorKind, DisconnectReason, Execution, RefusalCode};
use brpc_proto::limits::MAX_STRIKES;
use brpc_proto::{Event, Settlement};

use crate::pair::Pair;
use crate::vectors::{frame, vector};

const CALL: u8 = 0x10;
const CANCEL: u8 = 0x11;
const CREDIT: u8 = 0x12;
const DRAIN: u8 = 0x13;
const REPLY: u8 = 0x18;
const EVENT: u8 = 0x1A;
const LEAVE: u8 = 0x1B;
const METADATA: u8 = 0x1C;
const GOODBYE: u8 = 0x1F;
const PING: u8 = 0x20;
const PONG: u8 = 0x21;
const RETURN: u8 = 0x90;

/// How the call ended that the hub has sent, whatever came after it.
fn outcome(events: &[Event<u64>]) -> &Settlement {
    let settled = events.iter().find_map(|event| match event {
        Event::Settled(_, settlement) => Some(settlement),
        _ => None,
    });
    settled.expect("the call has ended")
}

/// Whether a call ended with its connection, and may have run.
fn is_in_doubt(settlement: &Settlement) -> bool {
    match settlement {
        Settlement::Ended(kind @ CallErrorKind::Disconnected { .. }) => {
            kind.clone().execution() == Execution::Unknown
        }
        _ => false,
    }
}

#[test]
fn f05_a_number_beyond_its_type_ends_the_connection() {
    let tenth_byte_above_1 = [&[0xFF; 9][..], &[2]].concat();
    for number in [&tenth_byte_above_1[..], &[0xFF; 11]] {
        let malformed = |kind| Some(Malformed { kind });
        assert_eq!(Pair::calling(1).hub_finds(&frame(REPLY, number)), malformed(REPLY));
        assert_eq!(Pair::ready().plugin_finds(&frame(CANCEL, number)), malformed(CANCEL));
    }
}

#[test]
fn f06_a_number_has_one_form() {
    // 1 in two bytes, of a call that there is.
    let overlong = |kind| Some(Overlong { kind });
    assert_eq!(Pair::calling(1).hub_finds(&frame(REPLY, &[0x81, 0])), overlong(REPLY));
    assert_eq!(Pair::running().plugin_finds(&frame(CANCEL, &[0x81, 0])), overlong(CANCEL));
}

#[test]
fn f07_bytes_behind_a_body_end_the_connection() {
    for (kind, body) in [(LEAVE, &[1, 0][..]), (GOODBYE, &[1, 0, 0]), (METADATA, &[0, 0])] {
        assert_eq!(Pair::calling(1).hub_finds(&frame(kind, body)), Some(TrailingBytes { kind }));
    }
    for (kind, body) in [(CANCEL, &[1, 0][..]), (CREDIT, &[1, 1, 0]), (DRAIN, &[1, 0, 0, 0])] {
        assert_eq!(Pair::running().plugin_finds(&frame(kind, body)), Some(TrailingBytes { kind }));
    }
}

#[test]
fn f08_unknown_frames_end_the_connection_but_for_those_that_may_be_skipped() {
    for kind in [0x00, 0x08, 0x1E, 0x22, 0x7F, 0xC0, 0xFF] {
        assert_eq!(Pair::ready().hub_finds(&frame(kind, b"x")), Some(UnknownKind { kind }));
        assert_eq!(Pair::ready().plugin_finds(&frame(kind, b"x")), Some(UnknownKind { kind }));
    }
    let (mut pair, to_be_skipped) = (Pair::ready(), frame(0x80, b"of a later version"));
    for _ in 0..MAX_STRIKES {
        assert!(pair.hub_takes(&to_be_skipped).is_empty());
        assert!(pair.plugin_takes(&to_be_skipped).is_empty());
    }
    assert_eq!(pair.hub_finds(&to_be_skipped), Some(TooManyStrikes));
    assert_eq!(pair.plugin_finds(&to_be_skipped), Some(TooManyStrikes));
}

#[test]
fn f09_an_answer_to_a_call_that_was_never_sent_ends_the_connection_at_once() {
    for id in [&[0][..], &[2], &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]] {
        let mut pair = Pair::calling(1);
        let events = pair.hub_takes(&frame(REPLY, &[id, b"7"].concat()));
        assert!(is_in_doubt(outcome(&events)), "{events:?}");
        let Some(Event::Closed(reason, _)) = events.last() else { panic!("{events:?}") };
        assert_eq!(*reason, DisconnectReason::Protocol(UnknownCall));
    }
}

#[test]
fn f11_of_two_answers_the_first_stands() {
    let mut pair = Pair::calling(1);
    let events =
        pair.hub_takes(&[frame(REPLY, b"\x01first"), frame(REPLY, b"\x01second")].concat());
    let [Event::Settled(1, Settlement::Answered(Ok(output), _))] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(output, &b"first"[..]);
}

#[test]
fn f14_frames_that_only_a_hub_sends_end_the_connection_of_a_plugin() {
    for name in ["call", "cancel", "credit", "drain", "return", "accepted", "welcome", "refused"] {
        let bytes = vector(name);
        let bytes = bytes.strip_prefix(&vector("preface")[..]).unwrap_or(&bytes);
        let kind = bytes[4];
        assert_eq!(Pair::ready().hub_finds(bytes), Some(UnexpectedFrame { kind }), "{name}");
    }
    assert_eq!(vector("return")[4], RETURN, "which others may skip");
}

#[test]
fn f15_ids_that_do_not_rise_end_the_connection_and_start_nothing_twice() {
    let call = |id: u8| frame(CALL, &[id, 0, 0, 0, 0, b'1']);
    for next in [5, 4, 0] {
        let mut pair = Pair::ready();
        let events = pair.plugin_takes(&[call(5), call(next)].concat());
        let started = events.iter().filter(|event| matches!(event, Event::Call { .. })).count();
        assert!(started <= 1, "{events:?}");
        let Some(Event::Closed(reason, _)) = events.last() else { panic!("{events:?}") };
        assert_eq!(*reason, DisconnectReason::Protocol(CallIdOrder));
    }
}

/// There is no way back into step: what looks like a frame behind them is none.
#[test]
fn f16_behind_bytes_that_are_no_frame_nothing_is_read() {
    for garbage in [&b"\r\n\r\n"[..], &[0; 4], &[0xFF; 7], &vector("preface")] {
        let mut pair = Pair::calling(1);
        let events = pair.hub_takes(&[garbage, &vector("reply")].concat());
        assert!(is_in_doubt(outcome(&events)), "{events:?}");
        assert!(matches!(events.last(), Some(Event::Closed(DisconnectReason::Protocol(_), _))));
        assert!(pair.hub_takes(&vector("reply")).is_empty());
    }
}

#[test]
fn f17_a_text_that_is_none_ends_the_connection() {
    let not_text = [1, 2, 0xC0, 0xAF];
    let malformed = |kind| Some(Malformed { kind });
    assert_eq!(Pair::ready().hub_finds(&frame(GOODBYE, &not_text)), malformed(GOODBYE));
    assert_eq!(Pair::ready().hub_finds(&frame(METADATA, &not_text)), malformed(METADATA));
    let call = [&[1, 0, 0][..], &[1, 0xFF, 0]].concat();
    assert_eq!(Pair::ready().plugin_finds(&frame(CALL, &call)), malformed(CALL));
    let hello = frame(0x01, &[1, 1, 0, 0xFF, 0x7F, 1, 1, 0xFF]);
    let events = Pair::new().hub_takes(&[vector("preface"), hello].concat());
    let [Event::Refused(refusal), Event::Closed(..)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::Protocol);
}

/// Frames that have no effect are counted, and each kind of them has its number. So no rate has to
/// be measured, and a fast peer that does something is never cut off.
#[test]
fn f25_tiny_frames_without_an_effect_come_to_an_end() {
    /// More than any of the numbers.
    const FLOOD: usize = 5_000;
    type Flood = (&'static str, fn() -> Pair, Vec<u8>, ProtocolError);
    let of_hub = |kind, body: &[u8]| frame(kind, body);
    let to_the_hub: Vec<Flood> = vec![
        ("empty ones", Pair::ready, vec![0; 4], EmptyFrame),
        ("of one byte", Pair::ready, of_hub(0x80, b""), TooManyStrikes),
        ("answers again", || Pair::calling(1), of_hub(REPLY, &[1]), TooManyStrikes),
        ("events of no byte", Pair::ready, of_hub(EVENT, b""), CreditExceeded),
        ("metadata", Pair::ready, of_hub(METADATA, &[0]), UnexpectedFrame { kind: METADATA }),
        ("leaves", Pair::ready, of_hub(LEAVE, &[0]), UnexpectedFrame { kind: LEAVE }),
        ("pings", Pair::ready_and_beating, vector("ping"), TooManyHeartbeats),
        ("pongs", Pair::ready_and_beating, vector("pong"), TooManyHeartbeats),
    ];
    for (what, begin, bytes, error) in to_the_hub {
        assert_eq!(begin().hub_finds(&bytes.repeat(FLOOD)), Some(error), "{what}");
    }
    let to_the_plugin: Vec<Flood> = vec![
        ("empty ones", Pair::ready, vec![0; 4], EmptyFrame),
        ("of one byte", Pair::ready, of_hub(0x80, b""), TooManyStrikes),
        ("cancels", Pair::running, of_hub(CANCEL, &[1]), TooManyStrikes),
        ("no credit", Pair::ready, of_hub(CREDIT, &[0, 0]), TooManyStrikes),
        ("drains", Pair::running, of_hub(DRAIN, &[1, 0, 0]), UnexpectedFrame { kind: DRAIN }),
        ("pings", Pair::ready_and_beating, vector("ping"), TooManyHeartbeats),
        ("pongs", Pair::ready_and_beating, vector("pong"), TooManyHeartbeats),
    ];
    for (what, begin, bytes, error) in to_the_plugin {
        assert_eq!(begin().plugin_finds(&bytes.repeat(FLOOD)), Some(error), "{what}");
    }
    assert_eq!((vector("ping")[4], vector("pong")[4]), (PING, PONG));
}

/// The last number that an id can be is one like others, and none comes after it: the connection
/// ends, and the next one counts from 1.
#[test]
fn c24_behind_the_last_id_there_is_no_call() {
    let mut pair = Pair::ready();
    let last = [&[0xFF; 9][..], &[1, 0, 0, 0, 0, b'1']].concat();
    let events = pair.plugin_takes(&frame(CALL, &last));
    let [Event::Call { id: u64::MAX, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(pair.answer(u64::MAX, Ok(bytes::Bytes::from_static(b"2"))));
    assert_eq!(pair.plugin_sends(), frame(REPLY, &[&[0xFF; 9][..], &[1, b'2']].concat()));
    let next = frame(CALL, &[1, 0, 0, 0, 0, b'1']);
    assert_eq!(pair.plugin_finds(&next), Some(CallIdOrder));
}
