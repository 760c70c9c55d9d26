//! Calls that the hub takes back before the plugin's owner has heard of them.

use std::time::Duration;

use brpc_core::{DisconnectReason, Status};
use brpc_proto::{Call, Event};
use bytes::BytesMut;

use crate::pair::{Pair, call};
use crate::vectors::{frame, vector};

/// The status of each call that the plugin has answered as a failure.
fn statuses(bytes: &[u8]) -> Vec<(u8, u8)> {
    let frames = bytes.chunks(4 + 5);
    frames.map(|frame| (frame[5], frame[6])).collect()
}

#[test]
fn a_call_that_is_cancelled_in_the_same_bytes_is_not_started() {
    let mut pair = Pair::ready();
    for caller in 1..=3 {
        pair.hub.start_call(call(0, ""), caller, pair.now).unwrap();
    }
    let mut bytes = pair.hub_sends();
    pair.hub.cancel(1, pair.now).unwrap();
    pair.hub.cancel(3, pair.now).unwrap();
    bytes.extend(pair.hub_sends());
    let told = pair.plugin_takes(&bytes);
    assert!(matches!(told[..], [Event::Call { id: 2, .. }]), "{told:?}");
    // The hub needs the answers, for the places.
    assert_eq!(statuses(&pair.plugin_sends()), [(1, 9), (3, 9)]);
    assert_eq!(pair.plugin.running(), 1);
    assert!(!pair.answer(1, Err(brpc_core::Failure::new(Status::Cancelled, ""))));
}

/// Its caller is told that it never ran, as one whose handler would have been started too late.
#[test]
fn a_call_whose_deadline_passes_before_the_owner_has_heard_of_it_is_expired() {
    let mut pair = Pair::ready();
    let timeout = Some(Duration::from_millis(5));
    pair.hub.start_call(Call { timeout, ..call(0, "") }, 1, pair.now).unwrap();
    pair.hub.start_call(call(0, ""), 2, pair.now).unwrap();
    let bytes = pair.hub_sends();
    pair.plugin.handle_input(&mut BytesMut::from(&bytes[..]), pair.now);
    pair.now += Duration::from_millis(5);
    pair.plugin.handle_timeout(pair.now);
    // The hub's own timer has fired, too.
    let cancels = [frame(0x11, &[1]), frame(0x11, &[2])].concat();
    assert!(pair.plugin_takes(&cancels).is_empty());
    assert_eq!(statuses(&pair.plugin_sends()), [(1, 8), (2, 9)]);
}

#[test]
fn a_call_that_the_owner_has_heard_of_is_cancelled_as_ever() {
    let mut pair = Pair::running();
    let told = pair.plugin_takes(&frame(0x11, &[1]));
    assert!(matches!(told[..], [Event::Cancel(1)]), "{told:?}");
    assert_eq!(pair.plugin.running(), 1);
}

#[test]
fn no_call_is_started_whose_hub_says_goodbye_in_the_same_bytes() {
    let mut pair = Pair::calling(1);
    let told = pair.plugin_takes(&[vector("call"), vector("goodbye-shutdown")].concat());
    let calls = told.iter().filter(|event| matches!(event, Event::Call { .. })).count();
    assert_eq!(calls, 0, "{told:?}");
    let Some(Event::Closed(reason, _)) = told.last() else { panic!("{told:?}") };
    assert_eq!(*reason, DisconnectReason::ShutdownForced);
}

/// Otherwise a plugin that was stopped starts calls that its hub has given up.
#[test]
fn no_resumable_call_is_started_that_is_cancelled_in_the_bytes_of_a_lost_connection() {
    let mut pair = Pair::resumed();
    let resumable = |id: u8| frame(0x14, &[9, id, 0, 0, 0, 0]);
    let bytes = [resumable(1), resumable(2), frame(0x11, &[1]), vector("goodbye-silent")].concat();
    let told = pair.plugin_takes(&bytes);
    let calls = told.iter().filter_map(|event| match event {
        Event::Call { id, .. } => Some(*id),
        _ => None,
    });
    assert_eq!(calls.collect::<Vec<_>>(), [2], "which may go on: {told:?}");
    assert!(matches!(told.last(), Some(Event::Closed(..))), "{told:?}");
}
