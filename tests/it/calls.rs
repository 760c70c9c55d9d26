//! The options of a call, and its outcomes.

use std::future::IntoFuture as _;
use std::time::Duration;

use brpc::testing::{Reply, Script};
use brpc::{CallError, CallErrorKind, Execution, Limits, Plugin, Scope, Socket, Stage};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::support::peer::{Hello, Peer, Writer, kind, status};
use crate::support::worker::{Journal, Seen, worker};
use crate::support::{LONG, plug, settle};

async fn hub_and_worker() -> (Socket, Journal) {
    let (hub, (plugin, journal)) = (Socket::default(), worker("worker"));
    plug(&hub, &plugin).await;
    (hub, journal)
}

/// A hub and a plugin with so many places for calls.
async fn with_places(places: usize) -> (Socket, Journal) {
    let mut limits = Limits::default();
    limits.max_calls = places;
    let hub = Socket::builder().limits(limits).build();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    (hub, journal)
}

const OVERLOADED: CallErrorKind =
    CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None };

#[tokio::test(start_paused = true)]
async fn a_call_gets_30_seconds_unless_said_otherwise() {
    let (hub, _) = hub_and_worker().await;
    let start = Instant::now();
    let error = hub.call::<()>("worker", "wait", &()).await.unwrap_err();
    assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    assert_eq!(error.execution(), Execution::Unknown);
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn the_hub_says_how_long_calls_get_and_each_call_may_say_otherwise() {
    let hub = Socket::builder().default_timeout(Duration::from_secs(5)).build();
    plug(&hub, &worker("worker").0).await;
    let start = Instant::now();
    let call = hub.call::<()>("worker", "wait", &());
    assert!(call.await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed().as_secs(), 5);
    let call = hub.call::<()>("worker", "wait", &()).timeout(Duration::from_secs(1));
    assert!(call.await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed().as_secs(), 6);
    let call = hub.call::<()>("worker", "wait", &()).timeout(None);
    timeout(LONG, call).await.expect_err("without a limit it goes on");
    let hub = Socket::builder().default_timeout(None).build();
    plug(&hub, &worker("worker").0).await;
    timeout(LONG, hub.call::<()>("worker", "wait", &())).await.expect_err("it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_calls_time_runs_from_its_first_poll() {
    let (hub, _) = hub_and_worker().await;
    let call = hub.call::<u64>("worker", "sleep", &500).timeout(Duration::from_secs(1));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(call.await, Ok(500));
}

#[tokio::test(start_paused = true)]
async fn c23_without_any_time_a_call_is_never_made() {
    let (hub, journal) = hub_and_worker().await;
    let error = hub.call::<()>("worker", "nothing", &()).timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Queued });
    assert_eq!(error.execution(), Execution::Never);
    settle().await;
    assert_eq!(journal.started(), 0);
}

#[tokio::test(start_paused = true)]
async fn c23_more_time_than_any_clock_has_is_no_limit() {
    let (hub, _) = hub_and_worker().await;
    let seen: Seen = hub.call("worker", "seen", &()).timeout(Duration::MAX).await.unwrap();
    assert_eq!(seen.remaining, None);
}

/// The plugin ends a call of 30 s with this status, after so long.
async fn ended_by_the_plugin(status: u8, after: Duration) -> CallError {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let call = tokio::spawn(hub.call::<()>("peer", "work", &()).trace("trace-1"));
    let heard = peer.call().await;
    assert_eq!((heard.timeout_ms, &*heard.trace), (30_000, "trace-1"));
    tokio::time::sleep(after).await;
    let failed = Writer::default().number(heard.id).raw(&[status]).text("").text("").0;
    peer.send_frame(kind::FAILED, &failed).await;
    call.await.unwrap().unwrap_err()
}

/// The plugin's timer is the first to fire.
#[tokio::test(start_paused = true)]
async fn a_call_that_the_plugin_hears_of_too_late() {
    let late = Duration::from_millis(29_995);
    let error = ended_by_the_plugin(status::EXPIRED, late).await;
    assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Expired });
    assert_eq!(error.execution(), Execution::Never);
    let error = ended_by_the_plugin(status::CANCELLED, late).await;
    assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    assert_eq!(error.execution(), Execution::Unknown);
}

#[tokio::test(start_paused = true)]
async fn what_the_plugin_cancels_in_good_time_has_not_missed_its_deadline() {
    let error = ended_by_the_plugin(status::CANCELLED, Duration::ZERO).await;
    assert_eq!(error, CallErrorKind::Cancelled { stage: Stage::Sent });
    let error = ended_by_the_plugin(status::EXPIRED, Duration::ZERO).await;
    assert_eq!(error, CallErrorKind::Cancelled { stage: Stage::Expired });
    assert_eq!(error.execution(), Execution::Never);
}

#[tokio::test(start_paused = true)]
async fn what_came_with_a_call_arrives() {
    let (hub, _) = hub_and_worker().await;
    let call = hub.call::<Seen>("worker", "seen", &()).timeout(Duration::from_secs(7));
    let call = call.trace("trace-7").metadata("b", "2").metadata("a", "1").metadata("b", "");
    let owned = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let seen = Seen {
        trace: "trace-7".to_owned(),
        metadata: vec![owned("b", "2"), owned("a", "1"), owned("b", "")],
        remaining: Some(Duration::from_secs(7)),
    };
    assert_eq!(call.await, Ok(seen));
    let seen: Seen = hub.call("worker", "seen", &()).timeout(None).await.unwrap();
    assert_eq!(seen, Seen { trace: String::new(), metadata: Vec::new(), remaining: None });
}

#[tokio::test(start_paused = true)]
async fn what_comes_with_a_call_is_limited() {
    let (hub, journal) = hub_and_worker().await;
    let call = |trace: usize, entries: usize, value: usize| {
        let call = hub.call::<Seen>("worker", "seen", &()).trace("t".repeat(trace));
        (0..entries).fold(call, |call, _| call.metadata("k", "v".repeat(value)))
    };
    let seen = call(256, 64, 127).await.unwrap();
    assert_eq!((seen.trace.len(), seen.metadata.len()), (256, 64));
    for (call, at) in
        [(call(257, 0, 0), "trace"), (call(0, 65, 0), "metadata"), (call(0, 64, 128), "metadata")]
    {
        let error = call.await.unwrap_err();
        assert!(
            matches!(error.kind(), CallErrorKind::InvalidInput { path, .. } if path == at),
            "{error:?}"
        );
        assert_eq!(error.execution(), Execution::Never);
    }
    assert_eq!(journal.started(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_makes_no_traffic() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let error = hub.call::<()>("peer", "walk", &()).await.unwrap_err();
    assert!(
        matches!(error.kind(), CallErrorKind::MethodNotFound { method, .. } if method == "walk")
    );
    assert_eq!(error.to_string(), "peer.walk: the plugin has no method `walk`; it has: `work`");
    assert!(error.is_not_found());
    timeout(LONG, peer.frame()).await.expect_err("nothing came");
}

#[tokio::test(start_paused = true)]
async fn an_input_that_does_not_encode_is_never_sent() {
    let (hub, _) = hub_and_worker().await;
    let keyed_by_pairs = std::collections::HashMap::from([((1, 2), 3)]);
    let error = hub.call::<Value>("worker", "echo", &keyed_by_pairs).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InvalidInput { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_input_that_does_not_decode_names_the_place() {
    let (hub, journal) = hub_and_worker().await;
    let error =
        hub.call::<()>("worker", "emit", &json!({"from": 1, "to": "two"})).await.unwrap_err();
    let CallErrorKind::InvalidInput { path, .. } = error.kind() else { panic!("{error:?}") };
    assert_eq!(path, "to");
    assert_eq!(error.execution(), Execution::Never);
    assert_eq!(journal.started(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_input_may_be_as_large_as_the_plugins_frames() {
    let hub = Socket::default();
    let mut limits = Limits::default();
    limits.max_frame = 100 * 1024;
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin.limits(limits)).await;
    let call = |size: usize| {
        hub.call::<String>("worker", "echo", &"x".repeat(size)).trace("t").timeout(None)
    };
    // Kind, id, method, no timeout, trace, no metadata, and the quotes.
    let fits = 102_400 - (1 + 1 + 1 + 1 + 2 + 1) - 2;
    assert_eq!(call(fits).await.map(|text| text.len()), Ok(fits));
    let error = call(fits + 1).await.unwrap_err();
    assert_eq!(error, CallErrorKind::InputTooLarge { size: 102_401, limit: 102_400 });
    assert_eq!(error.execution(), Execution::Never);
    assert_eq!(journal.started(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_output_may_be_as_large_as_the_hubs_frames() {
    let mut limits = Limits::default();
    limits.max_frame = 100 * 1024;
    let hub = Socket::builder().limits(limits).build();
    plug(&hub, &worker("worker").0).await;
    let call = |size: usize| hub.call::<String>("worker", "text", &size);
    // Kind, id, and the quotes.
    let fits = 102_400 - (1 + 1) - 2;
    assert_eq!(call(fits).await.map(|text| text.len()), Ok(fits));
    let error = call(fits + 1).await.unwrap_err();
    let CallErrorKind::InvalidOutput { message } = error.kind() else { panic!("{error:?}") };
    assert_eq!(message, "it makes a frame of 102401 bytes, and the limit is 102400");
    assert_eq!(error.execution(), Execution::Completed);
    assert_eq!(call(1).await.as_deref(), Ok("x"), "and the connection goes on");
}

#[tokio::test(start_paused = true)]
async fn an_output_that_is_not_what_the_caller_asked_for() {
    let (hub, journal) = hub_and_worker().await;
    let error = hub.call::<Vec<u8>>("worker", "echo", &json!([1, 2, "three"])).await.unwrap_err();
    let CallErrorKind::InvalidOutput { message } = error.kind() else { panic!("{error:?}") };
    assert!(message.contains("[2]"), "{message}");
    assert_eq!(error.execution(), Execution::Completed);
    assert_eq!(journal.finished(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_an_input_or_an_output_is_said_in_one_line() {
    let (hub, _) = hub_and_worker().await;
    let says = async |method: &str, input: Value, expected: &str| {
        let error = hub.call::<u8>("worker", method, &input).await.unwrap_err();
        assert_eq!(error.to_string(), format!("worker.{method}: {expected}"));
    };
    let several = "the input is not valid: expected an object with `from`, `to`, found";
    says("emit", json!([1]), &format!("{several} a sequence")).await;
    says("emit", json!("1"), &format!("{several} a string")).await;
    says("emit", json!(-1), &format!("{several} a number")).await;
    says("emit", json!(true), &format!("{several} a boolean")).await;
    says("emit", json!(null), &format!("{several} nothing (`null`)")).await;
    let wrong = "invalid type: string \"1\", expected u64";
    says("sleep", json!("1"), &format!("the input is not valid: {wrong}")).await;
    let from = json!({"from": "1", "to": 2});
    says("emit", from, &format!("the input is not valid at `from`: {wrong}")).await;

    let other = "the method's output is not usable: it doesn't decode into the caller's type: ";
    let wrong = "invalid type: boolean `true`, expected u8";
    says("echo", json!(true), &format!("{other}{wrong}")).await;
    let error = hub.call::<Vec<u8>>("worker", "echo", &json!([true])).await.unwrap_err();
    assert_eq!(error.to_string(), format!("worker.echo: {other}at `[0]`: {wrong}"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_answered_with_some_that_are_known() {
    let hub = Socket::default();
    let script = (0..12).fold(Script::new("many"), |script, number| {
        script.on(format!("m{number}"), Reply::value(&()))
    });
    let _many = script.plug(&hub).await.unwrap();
    let error = hub.call::<()>("many", "m", &()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "many.m: the plugin has no method `m`; it has: `m0`, `m1`, `m2`, `m3`, `m4`, `m5`, `m6`, \
         `m7`, `m8`, `m9` and 2 more"
    );
}

/// One that it has described.
#[tokio::test(start_paused = true)]
async fn a_plugin_may_say_itself_that_it_has_no_such_method() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let call = tokio::spawn(hub.call::<()>("peer", "work", &()));
    let id = peer.call().await.id;
    let failed = Writer::default().number(id).raw(&[status::METHOD_NOT_FOUND]);
    peer.send_frame(kind::FAILED, &failed.text("").text("not today").0).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    assert_eq!(error.to_string(), "peer.work: the plugin has no method `work`; not today");
}

/// Nested deeper than a peer's output may be, or with more values; each ends its call only.
#[tokio::test(start_paused = true)]
async fn an_output_that_is_a_bomb() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    for bomb in ["[".repeat(1_000_000), format!("[{}0]", "0,".repeat(200_000))] {
        let call = tokio::spawn(hub.call::<Value>("peer", "work", &()));
        let id = peer.call().await.id;
        peer.reply(id, &bomb).await;
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::InvalidOutput { .. }), "{error:?}");
    }
    assert_eq!(hub.connected().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_calls_that_may_be_in_progress_a_call_is_refused_at_once() {
    let (hub, journal) = with_places(2).await;
    let calls = [(); 2].map(|()| tokio::spawn(hub.call::<()>("worker", "wait", &())));
    settle().await;
    let start = Instant::now();
    let error = hub.call::<()>("worker", "nothing", &()).await.unwrap_err();
    assert_eq!(error, OVERLOADED);
    assert_eq!((error.execution(), start.elapsed()), (Execution::Never, Duration::ZERO));
    journal.release(2);
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
    assert_eq!(hub.call::<()>("worker", "nothing", &()).await, Ok(()));
    assert_eq!(journal.started(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_queues_waits_for_a_place_in_the_order_of_arrival() {
    let (hub, journal) = with_places(1).await;
    let first = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    settle().await;
    let mut order = tokio::task::JoinSet::new();
    for number in 0..5 {
        let call = hub.call::<u8>("worker", "echo", &number).queue();
        order.spawn(call);
        settle().await;
    }
    assert_eq!(journal.started(), 1);
    journal.release(1);
    first.await.unwrap().unwrap();
    for number in 0..5 {
        assert_eq!(order.join_next().await.unwrap().unwrap(), Ok(number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_queues_waits_no_longer_than_its_time() {
    let (hub, journal) = with_places(1).await;
    let _first = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    settle().await;
    let call = hub.call::<()>("worker", "nothing", &()).queue().timeout(Duration::from_secs(1));
    let error = call.await.unwrap_err();
    assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Queued });
    assert_eq!((error.execution(), journal.started()), (Execution::Never, 1));
}

#[tokio::test(start_paused = true)]
async fn those_that_queue_are_limited_too() {
    let mut limits = Limits::default();
    (limits.max_calls, limits.queue_calls) = (1, 2);
    let hub = Socket::builder().limits(limits).build();
    plug(&hub, &worker("worker").0).await;
    let call = || hub.call::<()>("worker", "wait", &()).queue();
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(tokio::spawn(call()));
        settle().await;
    }
    assert_eq!(call().await.unwrap_err(), OVERLOADED);
    assert!(calls.iter().all(|call| !call.is_finished()));
}

/// To the byte, and however large a single one is.
#[tokio::test(start_paused = true)]
async fn the_bytes_of_unsent_inputs_are_limited() {
    let mut limits = Limits::default();
    limits.queue_bytes = 10_000;
    let hub = Socket::builder().limits(limits).build();
    // Reads no more than a little of the first call, as much as is sent at once.
    let mut peer = Peer::dial_with_room(&hub, 1_000);
    peer.say_hello(&Hello::new("peer")).await;
    peer.hear_welcome().await;
    // With the quotes around it.
    let call = |size: usize| {
        let call = hub.call::<()>("peer", "work", &"x".repeat(size - 2)).timeout(None);
        tokio::spawn(call.into_future())
    };
    let mut calls = Vec::new();
    for size in [300_000, 6_000, 4_000] {
        calls.push(call(size));
        settle().await;
    }
    assert_eq!(call(3).await.unwrap().unwrap_err(), OVERLOADED);
    assert!(calls.iter().all(|call| !call.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn l22_the_hub_limits_the_bytes_of_all_inputs() {
    let hub = Socket::builder().max_held_bytes(1_500).build();
    let (one, two) = (worker("one"), worker("two"));
    for (plugin, _) in [&one, &two] {
        plug(&hub, plugin).await;
    }
    let text = "x".repeat(600);
    let mut peer = Peer::plugged(&hub, "peer").await;
    let first = tokio::spawn(hub.call::<Value>("peer", "work", &text));
    let id = peer.call().await.id;
    let error = hub.call::<String>("two", "echo", &text).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Overloaded { scope: Scope::Hub, retry_after: None });
    assert_eq!(error.execution(), Execution::Never);
    assert_eq!(hub.call::<u8>("one", "echo", &1).await, Ok(1), "a small one still fits");
    peer.reply(id, "1").await;
    first.await.unwrap().unwrap();
    assert_eq!(hub.call::<String>("two", "echo", &text).await, Ok(text));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_method_keeps_its_code_and_data() {
    struct Careful;

    #[brpc::plugin]
    impl Careful {
        pub fn fail(&self) -> Result<(), brpc::MethodError> {
            Err(brpc::MethodError::new("full", "no room").with_data(json!({"room": 0})))
        }
    }

    let hub = Socket::default();
    plug(&hub, &Plugin::new(Careful)).await;
    let error = hub.call::<()>("careful", "fail", &()).await.unwrap_err();
    assert_eq!(error.execution(), Execution::Completed);
    let error = error.method_error().unwrap();
    assert_eq!((error.code(), error.message()), ("full", "no room"));
    assert_eq!(error.data(), Some(&json!({"room": 0})));
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_task_start_in_their_order() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let mut calls = tokio::task::JoinSet::new();
    let count = 500;
    for number in 0..count {
        calls.spawn(hub.call::<Value>("peer", "work", &number));
    }
    for number in 0..count {
        let call = peer.call().await;
        assert_eq!(call.input, number.to_string().as_bytes());
        assert_eq!((call.id, call.method), (number + 1, 0));
    }
}

/// The budget for all inputs together is less than a frame here.
#[tokio::test]
async fn one_large_input_always_finds_room() {
    let mut limits = Limits::default();
    (limits.max_frame, limits.queue_bytes, limits.queue_calls) = (8 << 20, 1_000, 0);
    let hub = Socket::builder().limits(limits.clone()).max_held_bytes(1_000).build();
    plug(&hub, &worker("worker").0.limits(limits)).await;
    let text = "x".repeat(5 << 20);
    assert_eq!(hub.call::<String>("worker", "echo", &text).await.unwrap(), text);
    let answers = hub.broadcast::<String>("echo", &text).collect().await;
    assert_eq!(answers["worker"].as_ref().unwrap().len(), text.len());
}
