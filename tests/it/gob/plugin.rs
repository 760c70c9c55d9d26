//! The plugin, with a hub that sends by hand what a Go program would, or wouldn't.

use brpc::{EndReason, Limits, Plugin};
use brpc_gob::EnvelopeRef;
use serde_json::{Value, json};

use super::raw::{Raw, call};
use crate::support::worker::{Worker, worker};
use crate::support::{ROOM, settle};

/// A hub that a plugin has dialled, and how the plugin's run ends.
async fn hub_of(plugin: Plugin<Worker>) -> (Raw, tokio::task::JoinHandle<EndReason>) {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let session = plugin.gob().serve(ours).await.unwrap();
    (Raw::new(theirs), tokio::spawn(session.run()))
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_looks_like() {
    let (mut hub, run) = hub_of(worker("worker").0).await;
    let info = hub.info().await;
    assert_eq!(info.name, "worker");
    let text = info.functions["text"].clone();
    assert_eq!(serde_json::to_value(text.output).unwrap(), json!({"type": "string"}));
    // The first call of the original has the number 0, which is left out on the wire.
    hub.say(EnvelopeRef { trace: "t", ..call(0, "seen", b"null") }).await;
    let answer = hub.expect("seen").await;
    assert_eq!((answer.seq, &*answer.trace, &*answer.error), (0, "t", ""));
    let seen: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(seen["trace"], "t");
    hub.say(call(1, "missing", b"")).await;
    assert_eq!(hub.expect("missing").await.error, "method not found");
    hub.say(call(2, "sleep", b"\"x\"")).await;
    let answer = hub.expect("sleep").await;
    assert!(answer.error.contains("not valid") && answer.payload.is_empty(), "{answer:?}");
    hub.say(EnvelopeRef { method: "Shutdown", trace: "bye", ..EnvelopeRef::default() }).await;
    assert_eq!(hub.hear().await, None);
    assert_eq!(run.await.unwrap(), EndReason::Unplugged { trace: "bye".to_owned() });
}

/// The original counts its calls so that two that are made at once can get one number.
#[tokio::test(start_paused = true)]
async fn calls_with_one_number_are_both_answered() {
    let (mut hub, _run) = hub_of(worker("worker").0).await;
    hub.info().await;
    for _ in 0..3 {
        hub.say(call(7, "sleep", b"20")).await;
        hub.say(call(7, "sleep", b"10")).await;
        for millis in ["10", "20"] {
            let answer = hub.expect("sleep").await;
            assert_eq!((answer.seq, &*answer.payload), (7, millis.as_bytes()));
        }
    }
}

struct Wordy;

#[brpc::plugin(rename_all = "PascalCase")]
impl Wordy {
    pub fn greet(&self) {}
    pub fn shutdown(&self) {}
    pub fn r#async(&self) {}
}

/// A hub that called them would mean something else.
#[tokio::test(start_paused = true)]
async fn methods_of_reserved_names_are_left_out() {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let _session = Plugin::new(Wordy).gob().serve(ours).await.unwrap();
    let info = Raw::new(theirs).info().await;
    assert_eq!(info.functions.keys().collect::<Vec<_>>(), ["Greet"]);
}

/// Its answer would be taken for an event, and the call would wait for ever.
#[tokio::test(start_paused = true)]
async fn a_call_of_a_reserved_name_is_answered_as_what_it_is() {
    let (mut hub, _run) = hub_of(worker("worker").0).await;
    hub.info().await;
    hub.say(call(9, "Async", b"null")).await;
    let answer = hub.expect("").await;
    assert_eq!((answer.seq, &*answer.error), (9, "method not found"));
}

/// The original knows no limit of calls.
#[tokio::test(start_paused = true)]
async fn more_calls_than_may_be_at_once_wait_in_the_transport() {
    let mut limits = Limits::default();
    limits.max_calls = 4;
    let (plugin, journal) = worker("worker");
    let (mut hub, _run) = hub_of(plugin.limits(limits)).await;
    hub.info().await;
    for seq in 0..20 {
        hub.say(call(seq, "wait", b"null")).await;
    }
    settle().await;
    assert_eq!(journal.started(), 4);
    // None that waits is too slow for it.
    tokio::time::sleep(std::time::Duration::from_mins(5)).await;
    for _ in 0..20 {
        journal.release(1);
        hub.expect("wait").await;
        assert!(journal.running() <= 4);
    }
    assert_eq!(journal.finished(), 20);
}

/// Once a hub has asked a plugin to leave, the plugin accepts nothing more from it, as in the
/// original.
#[tokio::test(start_paused = true)]
async fn a_call_behind_the_shutdown_is_not_started() {
    let (plugin, journal) = worker("worker");
    let (mut hub, run) = hub_of(plugin).await;
    hub.info().await;
    hub.say(call(1, "wait", b"null")).await;
    hub.say(EnvelopeRef { method: "Shutdown", ..EnvelopeRef::default() }).await;
    for seq in 2..2_000 {
        hub.say(call(seq, "nothing", b"null")).await;
    }
    settle().await;
    assert_eq!((journal.started(), journal.running()), (1, 1));
    journal.release(1);
    assert_eq!(hub.expect("wait").await.seq, 1);
    assert_eq!(hub.hear().await, None);
    assert!(run.await.unwrap().is_graceful());
}

/// The hub needs only the number of the call back, and a flood of long texts would be kept here.
#[tokio::test(start_paused = true)]
async fn an_answer_repeats_no_more_of_a_call_than_calls_have() {
    let (mut hub, _run) = hub_of(worker("worker").0).await;
    hub.info().await;
    let long = "ä".repeat(1_000);
    hub.say(EnvelopeRef { trace: &long, ..call(3, &long, b"null") }).await;
    let answer = hub.hear().await.unwrap();
    assert_eq!((answer.seq, &*answer.error), (3, "method not found"));
    assert_eq!((answer.trace.len(), answer.method.len()), (256, 128));
}

/// What an HTTP server says to a plugin that dials it.
const HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nno";

#[tokio::test(start_paused = true)]
async fn a_hub_that_says_what_no_go_program_would_is_left() {
    for bytes in [&b"\x05\x04hell"[..], b"\x00", b"\xF8\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", HTTP] {
        let (mut hub, run) = hub_of(worker("worker").0).await;
        hub.info().await;
        tokio::io::AsyncWriteExt::write_all(&mut hub.stream, bytes).await.unwrap();
        let end = run.await.unwrap();
        assert!(matches!(end, EndReason::Lost(brpc::DisconnectReason::Protocol(_))), "{end:?}");
    }
}
