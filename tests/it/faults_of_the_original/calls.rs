use std::time::Duration;

use brpc::{CallErrorKind, Execution, Limits, Scope, Socket, Stage};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::worker::worker;
use crate::support::{LONG, ROOM, eventually, plug, settle};

/// Over TCP and on two threads, as it happens there: a caller gets another call's answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_share_a_sequence_number() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hub = Socket::default();
    let _serving = hub.serve(listener);
    let (plugin, _) = worker("worker");
    let session = plugin.connect(address).await.unwrap();
    let run = tokio::spawn(session.run());
    let mut callers = JoinSet::new();
    for caller in 0..16_u64 {
        let hub = hub.clone();
        callers.spawn(async move {
            for call in 0..100 {
                let number = caller * 1_000 + call;
                let method = if call % 2 == 0 { "echo" } else { "sleep" };
                let input = if call % 2 == 0 { number } else { number % 3 };
                let output: u64 = hub.call("worker", method, &input).await.unwrap();
                assert_eq!(output, input);
            }
        });
    }
    callers.join_all().await;
    assert!(hub.shutdown().await.is_clean());
    run.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn broadcast_returns_before_all_results_are_in() {
    let hub = Socket::default();
    for name in ["one", "two", "three"] {
        plug(&hub, &worker(name).0).await;
    }
    let answers = hub.broadcast::<u64>("sleep", &5_000).collect().await;
    let names: Vec<_> = answers.keys().map(String::as_str).collect();
    assert_eq!(names, ["one", "three", "two"]);
    assert!(answers.into_values().all(|answer| answer == Ok(5_000)));
}

/// At whatever moment the plugin goes, each call ends, and says whether it may have run.
#[tokio::test(start_paused = true)]
async fn a_call_that_races_a_disconnect_hangs() {
    for moment in 0..40 {
        let hub = Socket::default();
        let (plugin, journal) = worker("worker");
        let plugged = plug(&hub, &plugin).await;
        let caller = hub.clone();
        let calls = tokio::spawn(async move {
            loop {
                let call = caller.call::<Value>("worker", "nothing", &()).timeout(None);
                if let Err(error) = call.await {
                    return error;
                }
            }
        });
        for _ in 0..moment {
            tokio::task::yield_now().await;
        }
        plugged.kill().await;
        let started = journal.started();
        let error = timeout(LONG, calls).await.expect("the call ends").unwrap();
        match error.kind() {
            CallErrorKind::Disconnected { stage: Stage::Queued, .. }
            | CallErrorKind::NoPlugin { .. } => {
                assert_eq!(error.execution(), Execution::Never);
            }
            CallErrorKind::Disconnected { stage: Stage::Sent, .. } => {
                assert_eq!(error.execution(), Execution::Unknown);
            }
            other => panic!("{other:?}"),
        }
        settle().await;
        assert_eq!(journal.started(), started);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_races_a_connect_panics() {
    for moment in 0..40 {
        let hub = Socket::default();
        let (plugin, _) = worker("worker");
        let (ours, theirs) = tokio::io::duplex(ROOM);
        let run = tokio::spawn(async move { plugin.serve(ours).await.unwrap().run().await });
        hub.attach(theirs);
        for _ in 0..moment {
            tokio::task::yield_now().await;
        }
        match hub.call::<u64>("worker", "echo", &moment).await {
            Ok(output) => assert_eq!(output, moment),
            Err(error) => assert_eq!(error, CallErrorKind::NoPlugin { name: "worker".to_owned() }),
        }
        hub.wait_for("worker", LONG).await.unwrap();
        assert_eq!(hub.call::<u64>("worker", "echo", &moment).await, Ok(moment));
        drop(hub);
        run.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn no_deadline() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let error = hub.call::<()>("worker", "wait", &()).await.unwrap_err();
    assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
}

#[tokio::test(start_paused = true)]
async fn no_cancel() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let call = hub.call::<()>("worker", "wait", &()).timeout(None);
    timeout(Duration::from_secs(1), call).await.unwrap_err();
    eventually(|| journal.dropped() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn no_limits() {
    let mut limits = Limits::default();
    limits.max_calls = 2;
    let hub = Socket::builder().limits(limits).build();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let mut calls = JoinSet::new();
    for _ in 0..5 {
        let call = hub.call::<()>("worker", "wait", &());
        calls.spawn(call);
    }
    settle().await;
    journal.release(5);
    let overloaded = CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None };
    let refused = calls
        .join_all()
        .await
        .into_iter()
        .filter(|result| result.as_ref().is_err_and(|error| *error == overloaded));
    assert_eq!(refused.count(), 3);
    assert_eq!(journal.finished(), 2);
}
