//! Calls that go on, and those that are held back until they do.

use std::time::Duration;

use brpc_core::{Admission, CallErrorKind, DisconnectReason, Limits, Stage};
use brpc_proto::{Call, Continued, Course, Event, Origin, Resumable, Settlement};

use crate::pair::{Pair, call};
use crate::vectors::vector;

/// The call `id` of connection 6, which goes on.
fn goes_on(id: u64) -> Call {
    let origin = Origin { generation: 6, id };
    let course = Course::GoesOn(Continued { origin, reason: DisconnectReason::Reset });
    let resumable = Some(Box::new(Resumable { window: Duration::from_secs(30), course }));
    Call { resumable, ..Call::default() }
}

/// How calls have ended, in this order.
fn ended(pair: &mut Pair) -> Vec<(u64, CallErrorKind)> {
    let events = std::iter::from_fn(|| pair.hub.poll_event());
    let ended = events.map(|event| match event {
        Event::Settled(caller, Settlement::Ended(error)) => (caller, error),
        event => panic!("{event:?}"),
    });
    ended.collect()
}

/// It isn't named, so the plugin gives it up: but it may have run.
#[test]
fn what_does_not_fit_a_plugin_that_takes_fewer_calls_than_before_may_have_run() {
    let mut pair = Pair::recalled();
    let places = Limits::default().max_calls as u64;
    for id in 1..=places + 1 {
        pair.hub.submit_call(id, goes_on(id), id, pair.now);
    }
    let (stage, reason) = (Stage::Sent, DisconnectReason::Reset);
    let lost = CallErrorKind::Disconnected { stage, reason, generation: 6 };
    assert_eq!(ended(&mut pair), [(places + 1, lost)]);
    pair.hub.resumed();
    let sent = pair.hub_sends();
    let told = pair.plugin_takes(&sent);
    assert_eq!(told.len() as u64, places + 1);
    assert!(matches!(told.last(), Some(Event::Resumed)));
}

/// As soon as it is known; one that waits has its place in the line.
#[test]
fn a_call_that_was_held_back_is_refused_if_no_place_is_left() {
    let mut pair = Pair::recalled();
    let places = Limits::default().max_calls as u64;
    let first = 1_000_000;
    let admitted = |admission| Call { admission, ..call(0, "") };
    pair.hub.submit_call(first, admitted(Admission::Refuse), 1, pair.now);
    pair.hub.submit_call(first + 1, admitted(Admission::Refuse), 2, pair.now);
    pair.hub.submit_call(first + 2, admitted(Admission::Wait), 3, pair.now);
    for id in 1..places {
        pair.hub.submit_call(id, goes_on(id), 3 + id, pair.now);
    }
    assert!(pair.hub.poll_event().is_none());
    pair.hub.resumed();
    let sent = pair.hub_sends();
    let overloaded =
        CallErrorKind::Overloaded { scope: brpc_core::Scope::Plugin, retry_after: None };
    assert_eq!(ended(&mut pair), [(2, overloaded)]);
    let told = pair.plugin_takes(&sent);
    assert!(matches!(told[told.len() - 2..], [Event::Resumed, Event::Call { .. }]));
    assert_eq!(pair.hub.calls() as u64, places + 1);
}

/// A call that was made before is still sent, as on any other connection.
#[test]
fn a_plugin_that_is_drained_before_it_has_said_what_it_knows_gets_the_calls_that_were_held_back() {
    let mut pair = Pair::resuming();
    pair.hub.submit_call(1, call(0, ""), 1, pair.now);
    pair.hub.drain(brpc_proto::DrainCause::Unplug, "", None);
    assert!(pair.hub_sends().is_empty());
    assert!(matches!(pair.hub_takes(&vector("resume-nothing"))[..], [Event::Resume(_)]));
    pair.hub.resumed();
    let sent = pair.hub_sends();
    let told = pair.plugin_takes(&sent);
    let [Event::Resumed, Event::Call { id: 1, .. }, Event::Drain(..)] = &told[..] else {
        panic!("{told:?}")
    };
}
