//! A plugin that leaves while the hub wants something of it.

use brpc_core::{DisconnectReason, ProtocolError};
use brpc_proto::limits::LEAVE;
use brpc_proto::{DrainCause, EmitError, Event};
use bytes::Bytes;

use crate::pair::{Pair, call};
use crate::vectors::{frame, vector};

#[test]
fn a_call_left_aside_can_be_cancelled_after_a_drain() {
    let mut pair = Pair::running();
    pair.plugin.leave();
    pair.plugin_sends();
    // The hub has not yet heard of it when it does three things.
    pair.hub.start_call(call(0, ""), 2, pair.now).unwrap();
    let late_call = pair.hub_sends();
    assert!(pair.plugin_takes(&late_call).is_empty());
    pair.hub.drain(DrainCause::Shutdown, "", None);
    let drain = pair.hub_sends();
    assert!(matches!(pair.plugin_takes(&drain)[..], [Event::Drain(..)]));
    pair.hub.cancel(2, pair.now).unwrap();
    let cancel = pair.hub_sends();
    assert!(pair.plugin_takes(&cancel).is_empty(), "an honest hub is not accused");
    assert_eq!(pair.plugin.running(), 1);
}

/// The name of a plugin that has left, and stays, would be taken for ever.
#[test]
fn a_plugin_that_leaves_and_stays_is_cut_off_when_nobody_waits() {
    for cancels in [false, true] {
        let mut pair = Pair::calling(1);
        pair.hub_takes(&frame(0x1b, &[1]));
        assert_eq!(pair.hub.poll_timeout(), None, "a caller waits, without a deadline");
        if cancels {
            pair.hub.cancel(1, pair.now).unwrap();
            pair.hub_sends();
        } else {
            let answered = pair.hub_takes(&frame(0x18, &[1]));
            assert!(matches!(answered[..], [Event::Settled(1, _)]));
        }
        let until = pair.hub.poll_timeout().expect("its goodbye is due");
        assert_eq!(until, pair.now + LEAVE);
        pair.hub.handle_timeout(until);
        let Some(Event::Closed(reason, tally)) = pair.hub.poll_event() else { panic!() };
        assert_eq!(reason, DisconnectReason::SlowSender);
        assert!(tally.overstayed);
    }
}

#[test]
fn ids_of_calls_left_aside_must_rise_too() {
    let mut pair = Pair::ready();
    pair.hub.start_call(call(0, ""), 1, pair.now).unwrap();
    pair.hub.start_call(call(0, ""), 2, pair.now).unwrap();
    let calls = pair.hub_sends();
    let (first, second) = calls.split_at(calls.len() / 2);
    pair.plugin_takes(first);
    pair.plugin.leave();
    pair.plugin_sends();
    assert_eq!(pair.plugin_finds(second), None);
    assert!(pair.plugin_finds(second).is_some());
}

/// Leave and Drain cross.
#[test]
fn a_plugin_that_leaves_goes_on_as_before_when_it_is_drained() {
    let mut pair = Pair::running();
    pair.plugin.leave();
    let leave = pair.plugin_sends();
    pair.hub.drain(DrainCause::Unplug, "", None);
    let drain = pair.hub_sends();
    assert!(pair.hub_takes(&leave).is_empty());
    assert!(matches!(pair.plugin_takes(&drain)[..], [Event::Drain(..)]));
    assert!(pair.plugin_sends().is_empty(), "it has said that it leaves");
    assert!(pair.answer(1, Ok(Bytes::new())));
    assert_eq!(pair.plugin_sends(), [vector("reply-empty"), vector("goodbye")].concat());
    // A call that comes between the two is left aside, one behind Drain is a breach.
    let mut pair = Pair::running();
    pair.plugin.leave();
    pair.plugin_sends();
    assert_eq!(pair.plugin_finds(&frame(0x10, &[2, 0, 0, 0, 0])), None);
    assert_eq!(pair.plugin_finds(&drain), None);
    let found = pair.plugin_finds(&frame(0x10, &[3, 0, 0, 0, 0]));
    assert_eq!(found, Some(ProtocolError::UnexpectedFrame { kind: 0x10 }));
}

#[test]
fn calls_left_aside_are_not_in_flight() {
    let mut pair = Pair::running();
    pair.plugin.leave();
    pair.plugin_sends();
    let call = |id: u16| {
        let id = [0x80 | id & 0x7F, id >> 7].map(|byte| u8::try_from(byte).unwrap());
        frame(0x10, &[&id[..], &[0, 0, 0, 0]].concat())
    };
    // Twice as many as may be in flight.
    for id in 128..128 + 2 * 1_024 {
        assert!(pair.plugin_takes(&call(id)).is_empty());
    }
    assert_eq!(pair.plugin.running(), 1);
}

/// Who never stops sending events would never leave.
#[test]
fn no_event_is_sent_after_the_last_answer() {
    for asked_by_hub in [true, false] {
        let mut pair = Pair::ready();
        let id = pair.hub.start_call(call(0, ""), 1, pair.now).unwrap();
        if asked_by_hub {
            pair.hub.drain(DrainCause::Unplug, "", None);
        } else {
            pair.plugin.leave();
        }
        let sent = pair.hub_sends();
        pair.plugin_takes(&sent);
        pair.plugin_sends();
        assert_eq!(pair.plugin.emit(&Bytes::from_static(b"1")), Ok(()), "a handler still runs");
        assert!(pair.answer(id, Ok(Bytes::new())));
        assert_eq!(pair.plugin.emit(&Bytes::from_static(b"2")), Err(EmitError::Closed));
    }
}
