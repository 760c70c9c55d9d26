//! What a subscriber that lags reads and misses: old events, new ones, or all from some event on.

use std::time::Duration;

use brpc::{Call, Event, Events, Limits, Socket};
use serde_json::json;
use tokio::time::timeout;

use crate::support::peer::{Peer, kind};
use crate::support::worker::worker;
use crate::support::{LONG, plug, settle};

/// A hub with one worker, which has credit for so many events.
async fn hub_with_credit(events: u32) -> Socket {
    let mut limits = Limits::default();
    limits.event_credit = events;
    let hub = Socket::builder().limits(limits).build();
    plug(&hub, &worker("worker").0).await;
    hub
}

/// A call that emits the numbers of a range.
fn emit(hub: &Socket, from: u64, to: u64) -> Call<()> {
    hub.call("worker", "emit", &json!({"from": from, "to": to})).timeout(None)
}

/// A call that emits a text of so many bytes.
fn emit_text(hub: &Socket, bytes: usize) -> Call<()> {
    hub.call("worker", "emit_text", &bytes)
}

#[derive(Debug, PartialEq)]
enum Seen {
    Number(u64),
    Text(usize),
    Lagged(u64),
    CutOff,
    End,
}

/// The next event, which is there already.
async fn next(events: &mut Events) -> Seen {
    match timeout(Duration::ZERO, events.next()).await.expect("it is there") {
        Some(Event::Message(message)) => match message.decode() {
            Ok(number) => Seen::Number(number),
            Err(_) => Seen::Text(message.payload().len() - 2),
        },
        Some(Event::Lagged(missed)) => Seen::Lagged(missed.total()),
        Some(Event::CutOff) => Seen::CutOff,
        None => Seen::End,
        other => panic!("{other:?}"),
    }
}

async fn numbers(events: &mut Events, from: u64, to: u64) {
    for number in from..to {
        assert_eq!(next(events).await, Seen::Number(number));
    }
}

async fn nothing(events: &mut Events) {
    timeout(Duration::ZERO, events.next()).await.expect_err("nothing is there");
}

#[tokio::test(start_paused = true)]
async fn the_newest_are_dropped_and_the_place_is_told() {
    let hub = hub_with_credit(1_024).await;
    let mut events = hub.events().capacity(10).drop_newest();
    emit(&hub, 0, 100).await.unwrap();
    numbers(&mut events, 0, 4).await;
    // Four have room now, and what is missing is behind the six that are left.
    emit(&hub, 100, 200).await.unwrap();
    numbers(&mut events, 4, 10).await;
    assert_eq!(next(&mut events).await, Seen::Lagged(90));
    numbers(&mut events, 100, 104).await;
    assert_eq!(next(&mut events).await, Seen::Lagged(96));
    nothing(&mut events).await;
    emit(&hub, 200, 203).await.unwrap();
    numbers(&mut events, 200, 203).await;
    nothing(&mut events).await;
}

/// Gaps take no room from events.
#[tokio::test(start_paused = true)]
async fn each_gap_has_its_place() {
    use Seen::{Lagged, Number};
    let hub = hub_with_credit(1_024).await;
    let mut events = hub.events().capacity(3).drop_newest();
    emit(&hub, 0, 5).await.unwrap();
    for round in 1..4 {
        numbers(&mut events, round - 1, round).await;
        // There is room for one.
        emit(&hub, 10 * round, 10 * round + 3).await.unwrap();
    }
    let expected = [Lagged(2), Number(10), Lagged(2), Number(20), Lagged(2), Number(30), Lagged(2)];
    for seen in expected {
        assert_eq!(next(&mut events).await, seen);
    }
    nothing(&mut events).await;
}

#[tokio::test(start_paused = true)]
async fn the_newest_are_dropped_by_their_bytes_too() {
    let hub = hub_with_credit(1_024).await;
    let mut events = hub.events().capacity_bytes(10_000).drop_newest();
    for _ in 0..10 {
        emit_text(&hub, 3_000).await.unwrap();
    }
    // One for which there is room may come behind one for which there was none.
    emit_text(&hub, 10).await.unwrap();
    for _ in 0..3 {
        assert_eq!(next(&mut events).await, Seen::Text(3_000));
    }
    assert_eq!(next(&mut events).await, Seen::Lagged(7));
    assert_eq!(next(&mut events).await, Seen::Text(10));
    emit_text(&hub, 500_000).await.unwrap();
    assert_eq!(next(&mut events).await, Seen::Text(500_000), "one is kept whatever its size");
    nothing(&mut events).await;
}

#[tokio::test(start_paused = true)]
async fn one_who_lags_and_asked_for_it_is_cut_off() {
    let hub = hub_with_credit(1_024).await;
    let mut events = hub.events().capacity(10).close_on_lag();
    emit(&hub, 0, 10).await.unwrap();
    numbers(&mut events, 0, 10).await;
    emit(&hub, 10, 100).await.unwrap();
    numbers(&mut events, 10, 20).await;
    // What comes later is not seen, though there is room.
    emit(&hub, 100, 101).await.unwrap();
    assert_eq!(next(&mut events).await, Seen::CutOff);
    assert_eq!(next(&mut events).await, Seen::End);
    assert_eq!(next(&mut events).await, Seen::End);
    let mut again = hub.events().close_on_lag();
    emit(&hub, 101, 102).await.unwrap();
    numbers(&mut again, 101, 102).await;
    hub.shutdown().await;
    assert!(matches!(again.next().await, Some(Event::Disconnected(..))));
    assert_eq!(next(&mut again).await, Seen::End, "an end without lag has no other reason");
}

#[tokio::test(start_paused = true)]
async fn one_is_cut_off_by_bytes_too() {
    let hub = hub_with_credit(1_024).await;
    let mut events = hub.events().capacity_bytes(10_000).close_on_lag();
    for _ in 0..4 {
        emit_text(&hub, 3_000).await.unwrap();
    }
    emit_text(&hub, 10).await.unwrap();
    for _ in 0..3 {
        assert_eq!(next(&mut events).await, Seen::Text(3_000));
    }
    assert_eq!(next(&mut events).await, Seen::CutOff);
    assert_eq!(next(&mut events).await, Seen::End);
}

/// A reader that sleeps is woken by what is stored of events that came together.
#[tokio::test(start_paused = true)]
async fn one_who_waits_is_woken_when_it_is_cut_off() {
    let hub = hub_with_credit(1_024).await;
    let mut events = hub.events().capacity(1).close_on_lag();
    let reading = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            seen.push(event);
        }
        seen
    });
    settle().await;
    emit(&hub, 0, 1_000).await.unwrap();
    let seen = timeout(LONG, reading).await.unwrap().unwrap();
    assert!(matches!(seen.last(), Some(Event::CutOff)), "{seen:?}");
    assert!(matches!(seen[0], Event::Message(_)), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn neither_holds_plugins_up() {
    let hub = hub_with_credit(4).await;
    let unread = (hub.events().capacity(1).drop_newest(), hub.events().capacity(1).close_on_lag());
    timeout(LONG, emit(&hub, 0, 1_000)).await.unwrap().unwrap();
    drop(unread);
    timeout(LONG, emit(&hub, 0, 1_000)).await.unwrap().unwrap();
}

/// Also beside one that plugins wait for: the credit is held back for that one alone.
#[tokio::test(start_paused = true)]
async fn credit_goes_back_for_what_is_dropped() {
    let mut limits = Limits::default();
    limits.event_credit = 4;
    let hub = Socket::builder().limits(limits).build();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let mut newest = hub.events().capacity(1).drop_newest();
    let mut cut_off = hub.events().capacity(1).close_on_lag();
    for _ in 0..2 {
        peer.send_frame(kind::EVENT, b"12345").await;
    }
    let credit = peer.expect(kind::CREDIT).await;
    let mut fields = credit.fields();
    assert_eq!((fields.number(), fields.number()), (2, 10));
    let mut waited_for = hub.events().wait();
    for _ in 0..2 {
        peer.send_frame(kind::EVENT, b"12345").await;
    }
    timeout(LONG, peer.frame()).await.expect_err("one has not read them");
    numbers_of(&mut waited_for, 2).await;
    let credit = peer.expect(kind::CREDIT).await;
    let mut fields = credit.fields();
    assert_eq!((fields.number(), fields.number()), (2, 10));
    assert_eq!(next(&mut newest).await, Seen::Number(12_345));
    assert_eq!(next(&mut newest).await, Seen::Lagged(3));
    assert_eq!(next(&mut cut_off).await, Seen::Number(12_345));
    assert_eq!(next(&mut cut_off).await, Seen::CutOff);
}

async fn numbers_of(events: &mut Events, count: usize) {
    for _ in 0..count {
        assert_eq!(next(events).await, Seen::Number(12_345));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_policy_that_is_asked_for_counts() {
    let hub = hub_with_credit(1_024).await;
    let mut events = hub.events().capacity(2).close_on_lag().drop_newest();
    emit(&hub, 0, 10).await.unwrap();
    numbers(&mut events, 0, 1).await;
    // What is missing stays at its place, whatever is asked for then.
    let mut events = events.wait();
    emit(&hub, 10, 12).await.unwrap();
    numbers(&mut events, 1, 2).await;
    assert_eq!(next(&mut events).await, Seen::Lagged(8));
    numbers(&mut events, 10, 12).await;
    nothing(&mut events).await;
}
