//! Every error of a call names its plugin and its method, however the call was made and wherever it
//! ended.

use std::collections::HashMap;
use std::time::Duration;

use brpc::middleware::hub::{Middleware, Next, Outcome, Outgoing};
use brpc::{CallError, CallErrorKind, Limits, Scope, Socket, Stage};
use serde_json::{Value, json};

use crate::support::peer::Peer;
use crate::support::worker::worker;
use crate::support::{plug, settle};

/// The names that an error has, its text, and where its call was made.
#[derive(Debug, PartialEq)]
struct Seen(String, String, Option<(u64, u64)>);

fn seen<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> Seen {
    let error = outcome.unwrap_err();
    let name = format!("{}.{}", error.plugin().unwrap(), error.method().unwrap());
    assert!(error.to_string().starts_with(&format!("{name}: ")), "{error}");
    let made = error.generation().zip(error.id());
    assert_eq!(made.is_some(), error.generation().is_some());
    let kind = format!("{:?}", error.kind());
    Seen(name, kind.split([' ', '(']).next().unwrap().to_owned(), made)
}

fn is(name: &str, kind: &str, made: Option<(u64, u64)>) -> Seen {
    Seen(name.to_owned(), kind.to_owned(), made)
}

/// One that has places for one call, and room for 1,000 bytes of input.
async fn hub() -> Socket {
    let mut limits = Limits::default();
    limits.max_calls = 1;
    let hub = Socket::builder().limits(limits).max_held_bytes(1_000).build();
    plug(&hub, &worker("worker").0).await;
    hub
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_before_it_is_made() {
    let hub = hub().await;
    let worker = hub.connected()[0].clone();
    let keyed_by_pairs = HashMap::from([((1, 2), 3)]);
    let no = |name, kind| is(name, kind, None);
    let call = hub.call::<()>("nobody", "echo", &1);
    assert_eq!(seen(call.await), no("nobody.echo", "NoPlugin"));
    let call = hub.call::<()>("worker", "nix", &1);
    assert_eq!(seen(call.await), no("worker.nix", "MethodNotFound"));
    let call = hub.call::<()>("worker", "echo", &keyed_by_pairs);
    assert_eq!(seen(call.await), no("worker.echo", "InvalidInput"));
    let call = hub.call_instance::<()>(&worker, "echo", &keyed_by_pairs);
    assert_eq!(seen(call.await), no("worker.echo", "InvalidInput"));
    let mut call = hub.call::<()>("worker", "echo", &1);
    call.cancel_handle().cancel();
    assert_eq!(seen(call.await), no("worker.echo", "Cancelled"));

    let _peer = Peer::plugged(&hub, "peer").await;
    let _waits = tokio::spawn(hub.call::<()>("peer", "work", &"x".repeat(600)));
    settle().await;
    let call = hub.call::<()>("worker", "echo", &"x".repeat(600));
    assert_eq!(seen(call.await), no("worker.echo", "Overloaded"));
    let broadcast = hub.broadcast::<()>("echo", &"x".repeat(600)).await;
    let seen_all: Vec<_> = broadcast.into_values().map(seen).collect();
    assert_eq!(seen_all, ["peer.echo", "worker.echo"].map(|name| no(name, "Overloaded")));

    hub.shutdown().grace(Duration::ZERO).await;
    let call = hub.call::<()>("worker", "echo", &1);
    assert_eq!(seen(call.await), no("worker.echo", "ShuttingDown"));
    let call = hub.call_instance::<()>(&worker, "echo", &1);
    assert_eq!(seen(call.await), no("worker.echo", "ShuttingDown"));
}

#[tokio::test(start_paused = true)]
async fn what_ends_after_it_was_made_and_where_that_was() {
    let hub = hub().await;
    let worker = hub.connected()[0].clone();
    let second = Duration::from_secs(1);
    // It ran, and returned what the caller can't use.
    let call = hub.call::<u8>("worker", "echo", &"text");
    assert_eq!(seen(call.await), is("worker.echo", "InvalidOutput", Some((1, 1))));
    let call = hub.call_instance::<u8>(&worker, "sleep", &"text");
    assert_eq!(seen(call.await), is("worker.sleep", "InvalidInput", Some((1, 2))));
    let call = hub.call::<()>("worker", "wait", &()).timeout(second);
    assert_eq!(seen(call.await), is("worker.wait", "DeadlineExceeded", Some((1, 3))));

    let peer = Peer::plugged(&hub, "peer").await;
    let sent = tokio::spawn(hub.call::<()>("peer", "work", &()));
    settle().await;
    let call = hub.call::<()>("peer", "work", &());
    assert_eq!(seen(call.await), is("peer.work", "Overloaded", Some((2, 2))));
    let queued = tokio::spawn(hub.call::<()>("peer", "work", &()).queue());
    settle().await;
    drop(peer);
    assert_eq!(seen(sent.await.unwrap()), is("peer.work", "Disconnected", Some((2, 1))));
    assert_eq!(seen(queued.await.unwrap()), is("peer.work", "Disconnected", Some((2, 3))));
}

#[tokio::test(start_paused = true)]
async fn one_for_each_plugin_of_a_broadcast() {
    let hub = Socket::default();
    let _workers = [plug(&hub, &worker("a").0).await, plug(&hub, &worker("b").0).await];
    let all = async |broadcast: brpc::Broadcast<u8>| {
        let answers = broadcast.timeout(Duration::from_secs(1)).await;
        answers.into_values().map(seen).collect::<Vec<_>>()
    };
    let expected = |method: &str, kind, id: Option<u64>| {
        let of = |(name, generation): (&str, u64)| {
            is(&format!("{name}.{method}"), kind, id.map(|id| (generation, id)))
        };
        [("a", 1), ("b", 2)].map(of)
    };
    let keyed_by_pairs = HashMap::from([((1, 2), 3)]);
    let answers = all(hub.broadcast("echo", &keyed_by_pairs)).await;
    assert_eq!(answers, expected("echo", "InvalidInput", None));
    assert_eq!(all(hub.broadcast("nix", &1)).await, expected("nix", "MethodNotFound", None));
    assert_eq!(
        all(hub.broadcast("wait", &())).await,
        expected("wait", "DeadlineExceeded", Some(1))
    );
    let answers = all(hub.broadcast("echo", &"text")).await;
    assert_eq!(answers, expected("echo", "InvalidOutput", Some(2)));
}

/// Refuses without a name, passes on under another name, or waits, as the trace says.
struct Strange;

impl Middleware<Outgoing> for Strange {
    async fn handle(&self, mut call: Outgoing, next: Next) -> Outcome {
        match &*call.trace {
            "refuse" => {
                let scope = Scope::Hub;
                return Err(CallErrorKind::Overloaded { scope, retry_after: None }.into());
            }
            "named" => {
                let kind = CallErrorKind::Forbidden { message: "no".to_owned() };
                return Err(CallError::from(kind).named("the", "gate"));
            }
            "another" => call.method = String::from("nix"),
            "wait" => std::future::pending().await,
            _ => {}
        }
        next.run(call).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_middleware() {
    let hub = Socket::builder().middleware(Strange).build();
    plug(&hub, &worker("worker").0).await;
    let call = async |trace: &str, method: &str, input: Value| {
        let call = hub.call::<u8>("worker", method, &input).trace(trace);
        seen(call.timeout(Duration::from_secs(1)).await)
    };
    let text = json!("text");
    assert_eq!(call("", "echo", text).await, is("worker.echo", "InvalidOutput", None));
    assert_eq!(call("", "nix", json!(1)).await, is("worker.nix", "MethodNotFound", None));
    let late = is("worker.wait", "DeadlineExceeded", Some((1, 2)));
    assert_eq!(call("", "wait", json!(null)).await, late);
    assert_eq!(call("refuse", "echo", json!(1)).await, is("worker.echo", "Overloaded", None));
    // Whoever knows better has said so.
    assert_eq!(call("named", "echo", json!(1)).await, is("the.gate", "Forbidden", None));
    assert_eq!(call("another", "echo", json!(1)).await, is("worker.nix", "MethodNotFound", None));
    assert_eq!(call("wait", "echo", json!(1)).await, is("worker.echo", "DeadlineExceeded", None));
    let answers = hub.broadcast::<u8>("echo", &1).trace("refuse").await;
    let answer = answers.into_values().next().unwrap();
    assert_eq!(seen(answer), is("worker.echo", "Overloaded", None));
}

/// An error that a caller makes itself, as a stand-in for a hub does.
#[test]
fn an_error_without_a_call_is_its_kind() {
    let late = || CallErrorKind::DeadlineExceeded { stage: Stage::Queued };
    let error = CallError::from(late());
    assert_eq!((error.plugin(), error.method()), (None, None));
    assert_eq!(error.to_string(), late().to_string());
    assert_eq!(error.into_kind(), late());
}
