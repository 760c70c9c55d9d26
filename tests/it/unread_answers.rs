//! A hub that asks for more than it reads.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::support::peer::{Peer, Writer, frame, kind, status};
use crate::support::worker::{ECHO, Journal, TEXT, worker};
use crate::support::{eventually, settle};

/// The size of a large output, without its quotes.
const LARGE: usize = 100_000;

/// As many large outputs as may be unsent by default: 4 MiB, and the one that exceeds it.
const UNSENT: usize = (4 << 20) / (LARGE + 8) + 1;

/// As many as have left the session, at most: what is about to be written.
const WRITTEN: usize = (256 << 10) / LARGE + 2;

/// A worker, and the hub that registered it, over a connection that holds little.
async fn worker_of_a_raw_hub() -> (Peer, Journal, JoinHandle<brpc::EndReason>) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (plugin, journal) = worker("worker");
    let run = tokio::spawn(async move { plugin.serve(theirs).await.unwrap().run().await });
    let mut hub = Peer::new(ours);
    hub.let_in("worker").await;
    (hub, journal, run)
}

/// The frame of a call, with a timeout in milliseconds or 0.
fn call(id: u64, method: u64, timeout: u64, input: &str) -> Vec<u8> {
    let header = Writer::default().number(id).number(method).number(timeout).text("").number(0);
    frame(kind::CALL, &header.raw(input.as_bytes()).0)
}

/// The frames of calls for large outputs.
fn calls(ids: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    ids.flat_map(|id| call(id, TEXT, 0, &LARGE.to_string())).collect()
}

#[tokio::test(start_paused = true)]
async fn no_handler_is_started_while_too_many_bytes_of_answers_are_unsent() {
    let (mut hub, journal, _run) = worker_of_a_raw_hub().await;
    hub.send(&calls(1..=500)).await;
    settle().await;
    let started = journal.started();
    assert!((UNSENT..=UNSENT + WRITTEN).contains(&started), "{started}");
    // None is refused, and the order stays.
    for id in 1..=500 {
        let reply = hub.expect(kind::REPLY).await;
        assert_eq!(
            (reply.fields().number(), reply.body.len()),
            (id, LARGE + 2 + 1 + usize::from(id > 127))
        );
    }
    assert_eq!(journal.started(), 500);
    // And then it is as before.
    hub.send(&call(501, TEXT, 0, "1")).await;
    assert_eq!(hub.expect(kind::REPLY).await.fields().number(), 501);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_while_it_waits_for_a_reader_is_not_started() {
    let (mut hub, journal, _run) = worker_of_a_raw_hub().await;
    hub.send(&calls(1..=100)).await;
    settle().await;
    hub.send(&call(101, TEXT, 1_000, "1")).await;
    hub.send(&frame(kind::CANCEL, &Writer::default().number(99).0)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut failed = Vec::new();
    for _ in 0..101 {
        let answer = hub.frame().await.unwrap();
        let mut fields = answer.fields();
        if answer.kind == kind::FAILED {
            failed.push((fields.number(), fields.byte()));
        }
    }
    assert_eq!(failed, [(99, status::CANCELLED), (101, status::EXPIRED)]);
    assert_eq!(journal.started(), 99);
}

#[tokio::test(start_paused = true)]
async fn the_inputs_of_calls_that_wait_for_a_reader_are_limited_too() {
    let (mut hub, journal, _run) = worker_of_a_raw_hub().await;
    hub.send(&calls(1..=100)).await;
    settle().await;
    let input = format!("\"{}\"", "x".repeat(LARGE));
    for id in 101..=200 {
        hub.send(&call(id, ECHO, 0, &input)).await;
    }
    settle().await;
    let (mut replies, mut overloaded) = (0, 0);
    for _ in 0..200 {
        let answer = hub.frame().await.unwrap();
        let mut fields = answer.fields();
        fields.number();
        match answer.kind {
            kind::REPLY => replies += 1,
            _ => overloaded += usize::from(fields.byte() == status::OVERLOADED),
        }
    }
    // 4 MiB of inputs.
    assert!((140..=145).contains(&replies), "{replies}");
    assert_eq!((replies + overloaded, journal.started()), (200, replies));
}

/// A stopped plugin finds the Cancels behind their calls.
#[tokio::test(start_paused = true)]
async fn calls_that_are_cancelled_behind_other_bytes_are_not_started() {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (plugin, journal) = worker("worker");
    let mut hub = Peer::new(ours);
    let serving = tokio::spawn(async move { plugin.serve(theirs).await });
    hub.let_in("worker").await;
    let session = serving.await.unwrap().unwrap();
    // Not yet driven: more than one read takes.
    let input = format!("\"{}\"", "x".repeat(1_000));
    let cancelled = |id: u64| frame(kind::CANCEL, &Writer::default().number(id).0);
    let calls = (1..=300).flat_map(|id| call(id, ECHO, 0, &input));
    hub.send(&calls.chain((1..=299).flat_map(cancelled)).collect::<Vec<_>>()).await;
    let _run = tokio::spawn(session.run());
    eventually(|| journal.started() > 0).await;
    for id in 1..=299 {
        let failed = hub.expect(kind::FAILED).await;
        let mut fields = failed.fields();
        assert_eq!((fields.number(), fields.byte()), (id, status::CANCELLED));
    }
    assert_eq!(hub.expect(kind::REPLY).await.fields().number(), 300);
    assert_eq!(journal.started(), 1);
}
