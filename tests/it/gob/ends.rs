//! How connections end if the peer knows no Goodbye, or is held back.

use std::time::Duration;

use brpc::testing::plug;
use brpc::{DisconnectReason, EndReason, Event, Limits, Plugin, Socket, Wire};
use brpc_gob::EnvelopeRef;
use tokio::time::Instant;

use super::raw::{Raw, call, event, info, serve};
use crate::support::worker::worker;
use crate::support::{LONG, ROOM, settle};

/// What it had sent before still counts, and its name is free.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_dies_while_it_is_held_back_is_gone() {
    let mut limits = Limits::default();
    limits.event_credit = 4;
    let hub = Socket::builder().limits(limits).build();
    let mut events = hub.events().wait();
    let connector = serve(&hub);
    let mut raw = Raw::plugin(&connector, &info("go", &["Greet"])).await;
    hub.wait_for("go", LONG).await.unwrap();
    let answered = tokio::spawn(hub.call::<u64>("go", "Greet", &()).into_future());
    let unanswered = tokio::spawn(hub.call::<u64>("go", "Greet", &()).timeout(None).into_future());
    let seq = raw.expect("Greet").await.seq;
    raw.expect("Greet").await;
    for number in 0..10 {
        raw.say(event(format!("{number}").as_bytes())).await;
    }
    raw.say(call(seq, "Greet", b"7")).await;
    settle().await;
    assert!(!answered.is_finished(), "it stands behind events that wait");
    drop(raw);
    assert_eq!(answered.await.unwrap(), Ok(7));
    assert!(unanswered.await.unwrap().unwrap_err().is_disconnected());
    let _again = Raw::plugin(&connector, &info("go", &["Greet"])).await;
    hub.wait_for("go", LONG).await.unwrap();
    let Some(Event::Connected(_)) = events.next().await else { panic!() };
    for number in 0..10 {
        let Some(Event::Message(message)) = events.next().await else { panic!() };
        assert_eq!(message.decode(), Ok(number));
    }
    let Some(Event::Disconnected(_, reason)) = events.next().await else { panic!() };
    assert_eq!(reason, DisconnectReason::Unclean);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_dies_while_it_is_held_back_is_gone() {
    let mut limits = Limits::default();
    limits.max_calls = 1;
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let (plugin, journal) = worker("worker");
    let session = plugin.limits(limits).gob().serve(ours).await.unwrap();
    let run = tokio::spawn(session.run());
    let mut hub = Raw::new(theirs);
    hub.info().await;
    for seq in 0..3 {
        hub.say(call(seq, "wait", b"null")).await;
    }
    settle().await;
    drop(hub);
    assert!(matches!(run.await.unwrap(), EndReason::Lost(_)));
    assert_eq!((journal.started(), journal.running()), (1, 0), "its handler was dropped");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_dies_while_it_leaves_has_not_left() {
    let hub = Socket::default();
    let mut raw = Raw::plugin(&serve(&hub), &info("go", &["Greet"])).await;
    hub.wait_for("go", LONG).await.unwrap();
    let greeting = tokio::spawn(hub.call::<()>("go", "Greet", &()).into_future());
    raw.expect("Greet").await;
    let unplug = tokio::spawn(hub.unplug("go").into_future());
    raw.expect("Shutdown").await;
    drop(raw);
    let report = unplug.await.unwrap().unwrap();
    assert_eq!((report.reason, report.cut), (DisconnectReason::Unclean, 1));
    assert!(greeting.await.unwrap().unwrap_err().is_disconnected());
}

/// Whether a call still runs or not.
#[tokio::test(start_paused = true)]
async fn a_hub_that_wants_a_plugin_to_leave_and_goes_has_said_so() {
    for has_call in [false, true] {
        let (ours, theirs) = tokio::io::duplex(ROOM);
        let session = worker("worker").0.gob().serve(ours).await.unwrap();
        let run = tokio::spawn(session.run());
        let mut hub = Raw::new(theirs);
        hub.info().await;
        if has_call {
            hub.say(call(1, "wait", b"null")).await;
        }
        hub.say(EnvelopeRef { method: "Shutdown", trace: "t", ..EnvelopeRef::default() }).await;
        settle().await;
        drop(hub);
        assert_eq!(
            run.await.unwrap(),
            EndReason::Unplugged { trace: "t".to_owned(), retry_after: None }
        );
    }
}

/// One event that is read lets what is behind it through.
#[tokio::test(start_paused = true)]
async fn what_was_read_is_room_at_once() {
    let mut limits = Limits::default();
    limits.event_credit = 8;
    let hub = Socket::builder().limits(limits).build();
    let mut events = hub.events().wait();
    let mut raw = Raw::plugin(&serve(&hub), &info("go", &["Greet"])).await;
    hub.wait_for("go", LONG).await.unwrap();
    let Some(Event::Connected(_)) = events.next().await else { panic!() };
    for number in 0..100 {
        // As many as there is credit for, and an answer behind them.
        for _ in 0..if number == 0 { 8 } else { 1 } {
            raw.say(event(b"\"unread\"")).await;
        }
        let greeting = tokio::spawn(hub.call::<u64>("go", "Greet", &()).into_future());
        let seq = raw.expect("Greet").await.seq;
        raw.say(call(seq, "Greet", b"7")).await;
        settle().await;
        assert!(!greeting.is_finished());
        let read = Instant::now();
        let Some(Event::Message(_)) = events.next().await else { panic!() };
        assert_eq!(greeting.await.unwrap(), Ok(7), "after {number}");
        assert_eq!(read.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn the_test_kit_is_on_this_host() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &worker("worker").0.gob()).await.unwrap();
    hub.wait_for("worker", Duration::from_secs(1)).await.unwrap();
    assert_eq!(hub.connected()[0].wire(), Wire::Gob);
    let _native = plug(&hub, &Plugin::new(Nothing)).await.unwrap();
}

struct Nothing;

#[brpc::plugin]
impl Nothing {
    pub fn nothing(&self) {}
}
