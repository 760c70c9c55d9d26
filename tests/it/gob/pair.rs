//! A hub and plugins of this crate that speak gob with each other: all that the wire can carry works
//! as it does over the native one.

use std::time::Duration;

use brpc::{
    CallErrorKind, DisconnectReason, EndReason, Event, Execution, Plugin, Receiver, RefusalCode,
    Socket, Wire,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::raw::serve;
use crate::support::worker::{Seen, Worker, worker};
use crate::support::{LONG, Plugged, eventually, plug, settle};

/// Connects a plugin that speaks gob, and runs it.
async fn plug_gob<R: Receiver>(hub: &brpc::MemoryConnector, plugin: Plugin<R>) -> Plugged {
    let stream = hub.connect().await.unwrap();
    let session = plugin.gob().serve(stream).await.unwrap();
    let (name, handle) = (session.name().to_owned(), session.handle());
    Plugged { name, handle, run: tokio::spawn(session.run()) }
}

#[tokio::test(start_paused = true)]
async fn calls_their_errors_and_panics() {
    let hub = Socket::default();
    let connector = serve(&hub);
    plug_gob(&connector, Plugin::new(Odd).name("odd")).await;
    hub.wait_for("odd", LONG).await.unwrap();
    let all = json!({"text": "ä\u{0}", "list": [1, 2.5, null], "n": u64::MAX});
    assert_eq!(hub.call::<Value>("odd", "echo", &all).await.unwrap(), all);
    let large = "x".repeat(500_000);
    assert_eq!(hub.call::<String>("odd", "echo", &large).await.unwrap(), large);
    hub.call::<()>("odd", "nothing", &()).await.unwrap();

    let error = hub.call::<()>("odd", "fail", &"no").await.unwrap_err();
    let CallErrorKind::Method(failed) = error.kind() else { panic!("{error:?}") };
    assert_eq!((failed.code(), failed.message(), failed.data()), ("error", "no", None));
    assert_eq!(error.execution(), Execution::Unknown, "it may be that of a call that never ran");
    let error = hub.call::<()>("odd", "fail", &"").await.unwrap_err();
    assert!(!error.method_error().unwrap().message().is_empty(), "an empty text is an output");
    let error = hub.call::<()>("odd", "panic", &()).await.unwrap_err();
    let CallErrorKind::Panicked { message } = error.kind() else { panic!("{error:?}") };
    assert_eq!(message, "as it was asked to");
    assert_eq!(error.execution(), Execution::Completed);
    let error = hub.call::<()>("odd", "fail", &5).await.unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown);
    assert!(error.to_string().contains("expected a string"), "{error}");
    let error = hub.call::<()>("odd", "missing", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::MethodNotFound { .. }), "{error:?}");
    assert_eq!(error.execution(), Execution::Never);
}

struct Odd;

#[brpc::plugin]
impl Odd {
    pub fn echo(&self, value: Value) -> Value {
        value
    }

    pub fn nothing(&self) {}

    pub fn fail(&self, text: String) -> Result<(), String> {
        Err(text)
    }

    pub fn panic(&self) {
        panic!("as it was asked to")
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_trace_goes_along_with_a_call() {
    let hub = Socket::default();
    plug_gob(&serve(&hub), worker("worker").0).await;
    hub.wait_for("worker", LONG).await.unwrap();
    let call = hub.call::<Value>("worker", "seen", &()).trace("t-1").metadata("key", "value");
    let seen: Seen = serde_json::from_value(call.await.unwrap()).unwrap();
    assert_eq!(seen, Seen { trace: "t-1".to_owned(), metadata: vec![], remaining: None });
}

#[tokio::test(start_paused = true)]
async fn deadlines_and_cancelling_are_the_hubs_alone() {
    let mut limits = brpc::Limits::default();
    limits.max_calls = 2;
    let hub = Socket::builder().limits(limits).build();
    let (plugin, journal) = worker("worker");
    plug_gob(&serve(&hub), plugin).await;
    hub.wait_for("worker", LONG).await.unwrap();
    let call = hub.call::<()>("worker", "wait", &()).timeout(Duration::from_secs(1));
    let error = call.await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.execution(), Execution::Unknown);
    let mut call = Box::pin(hub.call::<()>("worker", "wait", &()).timeout(None));
    tokio::select! {
        _ = &mut call => panic!(),
        () = settle() => {}
    }
    drop(call);
    settle().await;
    // The plugin knows of neither, so both go on and keep their places.
    assert_eq!(journal.running(), 2);
    let error = hub.call::<()>("worker", "nothing", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::Overloaded { .. }), "{error:?}");
    journal.release(2);
    eventually(|| journal.finished() == 2).await;
    settle().await;
    hub.call::<()>("worker", "nothing", &()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn events_come_in_order_and_before_the_answer_behind_them() {
    let hub = Socket::default();
    let mut events = hub.events();
    plug_gob(&serve(&hub), worker("worker").0).await;
    hub.wait_for("worker", LONG).await.unwrap();
    let Some(Event::Connected(plugin)) = events.next().await else { panic!() };
    assert_eq!((plugin.name(), plugin.wire()), ("worker", Wire::Gob));
    let emitted = hub.call::<()>("worker", "emit", &json!({"from": 0, "to": 500}));
    emitted.await.unwrap();
    for number in 0..500 {
        let Some(Event::Message(message)) = events.next().await else { panic!() };
        assert_eq!(message.decode(), Ok(number));
    }
}

/// A slow reader holds the plugin back, although it knows no credit, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn events_wait_for_one_who_makes_plugins_wait() {
    let mut limits = brpc::Limits::default();
    limits.event_credit = 4;
    let hub = Socket::builder().limits(limits).build();
    let mut events = hub.events().capacity(4).wait();
    plug_gob(&serve(&hub), worker("worker").0).await;
    hub.wait_for("worker", LONG).await.unwrap();
    let emitting = json!({"from": 0, "to": 100_000});
    let emitting = tokio::spawn({
        let call = hub.call::<()>("worker", "emit", &emitting).timeout(None);
        call.into_future()
    });
    let Some(Event::Connected(_)) = events.next().await else { panic!() };
    for number in 0..100_000 {
        let Some(Event::Message(message)) = events.next().await else { panic!() };
        assert_eq!(message.decode(), Ok(number));
    }
    emitting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn plugins_of_both_wires_are_asked_at_once() {
    let hub = Socket::default();
    let connector = serve(&hub);
    for n in 0..5 {
        plug(&hub, &worker(&format!("native-{n}")).0).await;
        plug_gob(&connector, worker(&format!("gob {n}")).0).await;
    }
    hub.wait_for_all((0..5).map(|n| format!("gob {n}")), LONG).await.unwrap();
    let answers = hub.broadcast::<Value>("echo", &5).collect().await;
    assert_eq!(answers.len(), 10);
    assert!(answers.values().all(|answer| *answer == Ok(json!(5))), "{answers:?}");
    let info = hub.plugin_info("gob 3").unwrap();
    let native = hub.plugin_info("native-3").unwrap();
    let mut names: Vec<_> = native.functions.iter().map(|function| &function.name).collect();
    names.sort();
    assert_eq!(names, info.functions.iter().map(|function| &function.name).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_unplugged_finishes_first() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let plugged = plug_gob(&serve(&hub), plugin).await;
    hub.wait_for("worker", LONG).await.unwrap();
    let calls = (0..5).map(|_| tokio::spawn(hub.call::<()>("worker", "wait", &()).into_future()));
    let calls: Vec<_> = calls.collect();
    eventually(|| journal.running() == 5).await;
    let unplug = tokio::spawn(hub.unplug("worker").trace("bye").into_future());
    settle().await;
    let error = hub.call::<()>("worker", "nothing", &()).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Draining);
    journal.release(5);
    let report = unplug.await.unwrap().unwrap();
    assert_eq!((report.reason, report.finished, report.cut), (DisconnectReason::Unplugged, 5, 0));
    for call in join_all(calls).await {
        call.unwrap().unwrap();
    }
    assert_eq!(
        plugged.end().await,
        EndReason::Unplugged { trace: "bye".to_owned(), retry_after: None }
    );
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_shuts_down_waits_for_what_runs_and_cuts_the_rest() {
    let hub = Socket::default();
    let connector = serve(&hub);
    let (quick, slow) = (worker("quick"), worker("slow"));
    let plugged = [plug_gob(&connector, quick.0).await, plug_gob(&connector, slow.0).await];
    hub.wait_for_all(["quick", "slow"], LONG).await.unwrap();
    let call =
        |name: &str| tokio::spawn(hub.call::<()>(name, "wait", &()).timeout(None).into_future());
    let calls = [call("quick"), call("slow")];
    eventually(|| quick.1.running() == 1 && slow.1.running() == 1).await;
    quick.1.release(1);
    let report = hub.shutdown().grace(Duration::from_secs(3)).await;
    let reasons = report.plugins.iter().map(|plugin| plugin.reason);
    assert_eq!(
        reasons.collect::<Vec<_>>(),
        [DisconnectReason::Shutdown, DisconnectReason::ShutdownForced]
    );
    let [first, second] = calls;
    first.await.unwrap().unwrap();
    assert!(second.await.unwrap().unwrap_err().is_disconnected());
    for plugged in plugged {
        plugged.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_killed_is_gone_without_a_goodbye() {
    let hub = Socket::default();
    let mut events = hub.events();
    let plugged = plug_gob(&serve(&hub), worker("worker").0).await;
    hub.wait_for("worker", LONG).await.unwrap();
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()).into_future());
    settle().await;
    plugged.kill().await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
    assert_eq!(error.execution(), Execution::Unknown);
    events.next().await;
    let Some(Event::Disconnected(_, reason)) = events.next().await else { panic!() };
    assert_eq!(reason, DisconnectReason::Unclean);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_leaves_by_itself_finishes_first() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let plugged = plug_gob(&serve(&hub), plugin).await;
    hub.wait_for("worker", LONG).await.unwrap();
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()).into_future());
    eventually(|| journal.running() == 1).await;
    plugged.handle.stop(LONG);
    settle().await;
    journal.release(1);
    call.await.unwrap().unwrap();
    assert_eq!(plugged.end().await, EndReason::Stopped);
}

/// As the plugin sees it, the hub had registered it before.
#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused_later() {
    let hub = Socket::default();
    let connector = serve(&hub);
    plug(&hub, &worker("worker").0).await;
    let Worker { .. } = **worker("x").0.receiver();
    let refused = plug_gob(&connector, worker("worker").0).await.end().await;
    let EndReason::Refused(refusal) = refused else { panic!("{refused:?}") };
    assert!(refusal.message.contains("`worker`"), "{refusal}");
    // So whoever keeps it connected tries again.
    assert_eq!(refusal.code, RefusalCode::NameTaken);
    assert!(refusal.is_transient() && refusal.retry_after.is_some(), "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn names_of_any_kind_are_shown_with_escapes() {
    let sequencer = |name: &str| format!("{name} / 2");
    let hub = Socket::builder().key_sequencer(sequencer, 1).build();
    let connector = serve(&hub);
    let name = "Größe \u{202e}42";
    plug_gob(&connector, worker(name).0).await;
    plug_gob(&connector, worker(name).0).await;
    let second = "Größe \u{202e}42 / 2";
    hub.wait_for_all([name, second], LONG).await.unwrap();
    assert_eq!(hub.call::<u64>(second, "echo", &5).await, Ok(5));
    let error = hub.call::<()>(name, "x", &()).await.unwrap_err().to_string();
    assert!(error.contains("Größe \\u{202e}42") && !error.contains('\u{202e}'), "{error}");
    let refused = plug_gob(&connector, worker(name).0).await.end().await.to_string();
    assert!(refused.contains("Größe \\u{202e}42") && !refused.contains('\u{202e}'), "{refused}");
    let bad = worker("a\nb").0.gob().serve(connector.connect().await.unwrap()).await;
    assert!(bad.unwrap_err().to_string().contains("without control characters"));
}
