//! The plugin, with a hub that sends by hand what a Go program would, or wouldn't.

use std::collections::BTreeMap;

use brpc::{CallErrorKind, EndReason, Limits, Plugin, Socket};
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
    assert_eq!(
        run.await.unwrap(),
        EndReason::Unplugged { trace: "bye".to_owned(), retry_after: None }
    );
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

/// A plugin whose methods take what Go programs write in their own ways.
struct Taker;

#[brpc::plugin]
impl Taker {
    pub fn nothing(&self) {}

    pub async fn list(&self, list: Vec<String>) -> usize {
        list.len()
    }

    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    pub fn several(&self, map: BTreeMap<String, u8>, bytes: [u8; 2], unit: ()) -> usize {
        let () = unit;
        map.len() + usize::from(bytes[1])
    }

    pub fn maybe(&self, first: Option<u8>, second: Option<Vec<u8>>) -> bool {
        first.is_none() && second.is_none()
    }
}

/// What a Go program writes for nothing, for a slice or a map that is nil, and for bytes.
#[tokio::test(start_paused = true)]
async fn inputs_are_decoded_as_go_writes_them() {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let _run = tokio::spawn(Plugin::new(Taker).gob().serve(ours).await.unwrap().run());
    let mut hub = Raw::new(theirs);
    let info = hub.info().await;
    assert_eq!(info.functions["bytes"].input.as_ref().unwrap().kind, "[]uint8");
    for (method, input, output) in [
        ("nothing", "{}", "null"),
        ("list", "null", "0"),
        ("bytes", r#""AQI=""#, "[1,2]"),
        ("bytes", "[1,2]", "[1,2]"),
        ("several", r#"{"map":null,"bytes":"AQI=","unit":{}}"#, "2"),
        ("maybe", "null", "true"),
    ] {
        hub.say(call(1, method, input.as_bytes())).await;
        let answer = hub.expect(method).await;
        assert_eq!((&*answer.error, &answer.payload[..]), ("", output.as_bytes()), "{method}");
    }
    for (method, input, problem) in [
        ("nothing", r#"{"a":1}"#, "takes no input"),
        ("bytes", r#""AQ""#, "expected a sequence"),
        ("several", r#"{"map":null}"#, "`bytes`: this input is missing"),
    ] {
        hub.say(call(1, method, input.as_bytes())).await;
        let error = hub.expect(method).await.error;
        assert!(error.contains(problem), "{error}");
    }
}

/// On the native wire a call says exactly what it means.
#[tokio::test(start_paused = true)]
async fn native_inputs_are_not_decoded_as_go_writes_them() {
    let hub = Socket::default();
    let _plugged = brpc::testing::plug(&hub, &Plugin::new(Taker)).await.unwrap();
    for (method, input) in [("nothing", json!({})), ("list", json!(null)), ("bytes", json!("AQI="))]
    {
        let error = hub.call::<Value>("taker", method, &input).await.unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::InvalidInput { .. }), "{error:?}");
    }
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
