//! What the page says about borders, where no breach and no vector shows it.

use std::sync::Arc;

use brpc_core::limits::MAX_TRACE;
use brpc_core::{DisconnectReason, Limits, ProtocolError, RefusalCode, Wire};
use brpc_proto::{Description, DrainCause, Event};

use crate::pair::{Pair, hello};
use crate::vectors::vector;

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
