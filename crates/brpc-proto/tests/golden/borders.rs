//! What the page says about borders, where no breach and no vector shows it.

use std::sync::Arc;
use std::time::Duration;

use brpc_core::limits::MAX_TRACE;
use brpc_core::{
    CallErrorKind, DisconnectReason, Limits, MAX_ERROR_TEXT, Metadata, MethodError, ProtocolError,
    Refusal, RefusalCode, Stage, Wire,
};
use brpc_proto::{Description, DrainCause, EmitError, Event, Settlement};

use crate::breaches::with_max_frame;
use crate::pair::{Pair, call, first_call, hello};
use crate::vectors::{frame, vector};

const MAX_U32: [u8; 5] = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F];

/// A plugin after a Welcome with these places and this credit.
fn welcomed(max_calls: &[u8], credit_events: u8, credit_bytes: u8) -> Pair {
    let welcome = vector("welcome");
    // Before max_calls, which has two bytes; then come a byte, four, and the extensions.
    let kept = &welcome[5..welcome.len() - 8];
    let body = [kept, max_calls, &[credit_events, credit_bytes, 0]].concat();
    let mut pair = Pair::new();
    pair.plugin_sends();
    pair.plugin_takes(&[vector("preface"), vector("accepted-known")].concat());
    let events = pair.plugin_takes(&frame(0x05, &body));
    assert!(matches!(events[..], [Event::Welcomed(_)]), "{events:?}");
    pair
}

#[test]
fn a_max_frame_above_the_highest_counts_as_that() {
    let mut pair = Pair::new();
    let events = pair.hub_takes(&[vector("preface"), with_max_frame("hello", &MAX_U32)].concat());
    let [Event::Hello(hello)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(hello.max_frame, Some(Limits::HIGHEST_MAX_FRAME));
    pair.plugin_takes(&[vector("preface"), vector("accepted-known")].concat());
    pair.plugin_takes(&with_max_frame("welcome", &MAX_U32));
    assert_eq!(pair.plugin.terms().unwrap().max_frame, Limits::HIGHEST_MAX_FRAME);
}

#[test]
fn a_hello_may_have_4_kib() {
    let known = &vector("hello")[5..];
    let hello = |length: usize| {
        // One extension that nobody knows: its number, and a size in two bytes.
        let size = length - known.len() - 5;
        let low = u8::try_from(size % 128).unwrap() | 0x80;
        let size_in_bytes = [low, u8::try_from(size / 128).unwrap()];
        let extension = [&[1, 0xAC, 0x02], &size_in_bytes[..], &vec![7; size]].concat();
        frame(0x01, &[&known[..known.len() - 1], &extension].concat())
    };
    assert_eq!(hello(4_096)[..5], [0, 0, 0x10, 0, 0x01]);
    let events = Pair::new().hub_takes(&[vector("preface"), hello(4_096)].concat());
    assert!(matches!(events[..], [Event::Hello(_)]), "{events:?}");
    let events = Pair::new().hub_takes(&[vector("preface"), hello(4_097)].concat());
    assert!(matches!(events[..], [Event::Refused(_), _]), "{events:?}");
}

#[test]
fn a_plugin_takes_at_least_one_call_and_at_most_as_many_as_it_said() {
    for (max_calls, taken) in [(&[0][..], 1), (&[1], 1), (&MAX_U32, Limits::default().max_calls)] {
        assert_eq!(welcomed(max_calls, 1, 1).plugin.terms().unwrap().calls_in, taken);
    }
}

#[test]
fn a_plugin_without_credit_waits_for_it() {
    let mut pair = welcomed(&[1], 0, 0);
    assert_eq!(pair.plugin.emit(b"1"), Err(EmitError::Full));
    assert!(matches!(pair.plugin_takes(&vector("credit"))[..], [Event::Credit]));
    assert_eq!(pair.plugin.emit(b"1"), Ok(()));
    // Of bytes, too, though there will never be enough.
    let mut pair = welcomed(&[1], 9, 10);
    assert_eq!(pair.plugin.emit(&[b' '; 11]), Err(EmitError::Full));
    assert_eq!(pair.plugin.emit(&[b' '; 10]), Ok(()));
}

#[test]
fn a_lowest_version_above_the_highest_is_none_in_common() {
    for (lowest, highest) in [(2, 1), (1, 0), (255, 0)] {
        let mut hello = vector("hello");
        hello[5..7].copy_from_slice(&[lowest, highest]);
        let events = Pair::new().hub_takes(&[vector("preface"), hello].concat());
        let [Event::Refused(refusal), _] = &events[..] else { panic!("{events:?}") };
        assert_eq!(refusal.code, RefusalCode::Version);
    }
}

#[test]
fn keys_of_metadata_may_be_empty_and_equal() {
    let metadata = [("", ""), ("a", "1"), ("", "x"), ("a", "2")];
    let mut pair = Pair::ready();
    pair.hub.start_call(first_call(&metadata), 1, pair.now).unwrap();
    let sent = pair.hub_sends();
    let events = pair.plugin_takes(&sent);
    let [Event::Call { call, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(call.metadata.iter().eq(metadata));
    assert_eq!((call.metadata.get("a"), call.metadata.get("")), (Some("1"), Some("")));
}

#[test]
fn no_frame_belongs_to_an_id_that_was_skipped() {
    let mut pair = Pair::ready();
    pair.hub.submit_call(3, call(0, ""), 3, pair.now);
    let sent = pair.hub_sends();
    assert!(matches!(pair.plugin_takes(&sent)[..], [Event::Call { id: 3, .. }]));
    assert!(pair.plugin_takes(&frame(0x11, &[2])).is_empty(), "a Cancel is ignored");
    assert!(pair.hub_takes(&frame(0x18, &[2])).is_empty(), "an answer is a strike");
    assert_eq!((pair.hub.calls(), pair.plugin.running()), (1, 1));
}

#[test]
fn a_code_and_data_of_a_status_that_has_none_are_ignored() {
    let failed = frame(0x19, &[&[1, 9, 1, b'x', 1, b'y'], &b"{"[..]].concat());
    let events = Pair::calling(1).hub_takes(&failed);
    let Ok([Event::Settled(1, settlement)]) = <[_; 1]>::try_from(events) else { panic!() };
    let error = settlement.into_result(|| "echo").unwrap_err();
    assert_eq!(error, CallErrorKind::Cancelled { stage: Stage::Sent });
}

#[test]
fn the_receiver_cuts_texts_that_are_too_long() {
    // 5,001 bytes; none of the limits is where a character ends.
    let long = &[&[0x89, 0x27][..], b"x", "é".repeat(2_500).as_bytes()].concat()[..];
    let text = |limit: usize| limit - 1;
    let events = Pair::calling(1).hub_takes(&frame(0x19, &[&[1, 1], long, long].concat()));
    let [Event::Settled(1, Settlement::Answered(Err(failure), _))] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(failure.message.len(), text(MAX_ERROR_TEXT));
    let settlement = Settlement::Answered(Err(failure.clone()), Metadata::new());
    let error = settlement.into_result(|| "echo").unwrap_err();
    let CallErrorKind::Method(error) = error else { panic!("{error:?}") };
    assert_eq!(error.code().len(), text(MethodError::MAX_CODE));

    let events = Pair::ready().hub_takes(&frame(0x1F, &[&[1], long].concat()));
    let [Event::LastWords(words), Event::Closed(..)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(words.len(), text(Refusal::MAX_MESSAGE));
    let long = [&[0xFF, 0x03][..], b"x", "é".repeat(255).as_bytes()].concat();
    let refused = frame(0x03, &[&[1], &long[..], &[0, 1, 1]].concat());
    let events = Pair::new().plugin_takes(&[vector("preface"), refused].concat());
    let [Event::Refused(refusal), Event::Closed(..)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refusal.message.len(), text(Refusal::MAX_MESSAGE));
}

#[test]
fn a_grace_period_is_rounded_down_and_a_timeout_up() {
    let mut pair = Pair::ready();
    let almost_two = Duration::from_micros(1_999);
    pair.hub.drain(DrainCause::Unplug, "", Some(pair.now + almost_two));
    assert_eq!(pair.hub_sends(), frame(0x13, &[1, 1, 0]));
    let mut pair = Pair::ready();
    let mut timed = call(0, "");
    timed.timeout = Some(Duration::from_micros(1_001));
    pair.hub.start_call(timed, 1, pair.now).unwrap();
    assert_eq!(pair.hub_sends(), frame(0x10, &[1, 0, 2, 0, 0]));
}

/// The plugin was stopped while the call was on its way.
#[test]
fn a_call_arrives_when_its_frame_is_taken() {
    let mut pair = Pair::ready();
    pair.now += Duration::from_mins(1);
    let events = pair.plugin_takes(&vector("call"));
    let [Event::Call { deadline, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*deadline, Some(pair.now + Duration::from_secs(30)));
}

/// Whoever subscribes to it finds out what is wrong.
#[test]
fn an_event_that_is_no_json_arrives() {
    let mut pair = Pair::ready();
    let events = pair.hub_takes(&frame(0x1A, b"\xFF{"));
    assert!(matches!(&events[..], [Event::Message(event)] if event == &b"\xFF{"[..]));
}

#[test]
fn a_trace_of_a_drain_is_cut_by_the_sender() {
    for (trace, cut) in [("t".repeat(MAX_TRACE), MAX_TRACE), ("é".repeat(MAX_TRACE), MAX_TRACE)] {
        let mut pair = Pair::ready();
        pair.hub.drain(DrainCause::Unplug, &trace, None);
        let drain = pair.hub_sends();
        let events = pair.plugin_takes(&drain);
        let [Event::Drain(_, told)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((told.len(), trace.starts_with(told)), (cut, true));
    }
}

/// Also with the frames that are due then.
#[test]
fn a_frame_that_comes_too_early_counts_as_sent_after_the_answer() {
    let early = |accepted_with: Option<Arc<Description>>, frames: &[&str]| {
        let mut pair = Pair::new();
        let hello = [&["preface", "hello"], frames].concat().into_iter().flat_map(vector);
        let events = pair.hub_takes(&hello.collect::<Vec<_>>());
        assert!(matches!(events[..], [Event::Hello(_)]), "{events:?}");
        pair.hub.accept(accepted_with);
        let events = pair.hub_takes(&[]);
        assert!(matches!(events[..], [Event::Described(_)]), "{events:?}");
        pair.welcome();
        let events = pair.hub_takes(&[]);
        events.into_iter().next()
    };
    let event = early(None, &["describe", "event"]);
    assert!(matches!(event, Some(Event::Message(_))), "{event:?}");
    let event = early(hello().description, &["describe"]);
    let unexpected = DisconnectReason::Protocol(ProtocolError::UnexpectedFrame { kind: 0x04 });
    assert!(matches!(event, Some(Event::Closed(reason, _)) if reason == unexpected), "{event:?}");
}

/// A plugin is told that it was too slow; who began with other bytes doesn't understand that.
#[test]
fn only_a_plugin_is_told_that_the_handshake_took_too_long() {
    for (begun, is_told) in [(&b""[..], true), (b"\xB2br", true), (b"G", false), (b"OPTI", false)] {
        let mut pair = Pair::new();
        assert!(pair.hub_takes(begun).is_empty(), "{begun:?}");
        pair.now += Limits::default().hello_deadline;
        pair.hub.handle_timeout(pair.now);
        let events = pair.hub_takes(&[]);
        if is_told {
            let [Event::Refused(refusal), Event::Closed(..)] = &events[..] else {
                panic!("{events:?}")
            };
            assert_eq!(refusal.code, RefusalCode::HandshakeTimeout);
            assert!(pair.hub_sends().starts_with(&vector("preface")));
        } else {
            let [Event::Stranger(Wire::Unknown, first), Event::Closed(reason, _)] = &events[..]
            else {
                panic!("{events:?}")
            };
            assert_eq!(*reason, DisconnectReason::Protocol(ProtocolError::BadPreface));
            assert_eq!(**first, *begun);
            assert!(pair.hub_sends().is_empty());
        }
    }
}
