//! The plugin in Python, on a hub.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;

use brpc::{CallErrorKind, DisconnectReason, Event, Events, Limits, Socket};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::{Seen, has_python, python};
use crate::good::{LONG, serve};
use crate::scenario::{scenario, within};
use crate::slow::reason_of;

#[test]
fn a_plugin_in_another_language() {
    if !has_python() {
        return;
    }
    scenario(async {
        let mut limits = Limits::default();
        limits.event_credit = 4;
        let (hub, address) = serve(Socket::builder().limits(limits)).await;
        let mut events = hub.events();
        let mut seen = Seen::default();

        let python = plugin(address, "python");
        hub.wait_for("python", LONG).await.unwrap();
        let Some(Event::Connected(_)) = events.next().await else { panic!() };
        assert_eq!(message(&mut events).await, json!({"hello": "python"}));
        answers(&hub).await;
        metadata(&hub).await;
        // More than its credit is for.
        for n in 0..16 {
            hub.call::<()>("python", "announce", &n).await.unwrap();
            assert_eq!(message(&mut events).await, json!(n));
        }
        let again =
            within("a refusal", plugin(address, "python").wait_with_output()).await.unwrap();
        assert!(!again.status.success());
        assert!(seen.note(&again.stdout).contains("refused 6 "), "its name is taken");
        let left = ended(python).await;
        assert_eq!(reason_of(&mut events, "python").await, DisconnectReason::Clean);
        assert!(left.status.success());
        seen.note(&left.stdout);

        let python = plugin(address, "drained");
        hub.wait_for("drained", LONG).await.unwrap();
        let sleeping = tokio::spawn(hub.call::<u64>("drained", "sleep", &600_000).into_future());
        // Behind which it is known to run.
        hub.call::<Value>("drained", "echo", &1).await.unwrap();
        let unplug = hub.unplug("drained").retry_after(Duration::from_secs(7));
        unplug.grace(Duration::from_millis(50)).await.unwrap();
        assert!(sleeping.await.unwrap().is_err());
        let told = within("its end", python.wait_with_output()).await.unwrap();
        let told = seen.note(&told.stdout);
        assert!(told.contains("return 7000\n") && told.contains("goodbye 2 "), "{told}");

        let python = plugin(address, "lossy");
        hub.wait_for("lossy", LONG).await.unwrap();
        loses_its_connection(&hub).await;
        let left = ended(python).await;
        assert!(left.status.success());
        seen.note(&left.stdout);

        let borders = self::python("borders.py", &["127.0.0.1", &address.port().to_string()]);
        let borders = within("the borders", borders.wait_with_output()).await.unwrap();
        assert!(borders.status.success(), "see its error above");
        assert!(seen.note(&borders.stdout).contains("tried "));
        let mut all = Seen::by("plugin");
        // This hub asks for no proof; the one in `credentials` does.
        assert!(all.received.remove(&0x06) && all.sent.remove(&0x07));
        assert_eq!(seen, all, "kinds of frames");
        hub.shutdown().await;
    });
}

/// As many calls at once as it takes, and those that fail.
pub(super) async fn answers(hub: &Socket) {
    let answers = (0..1_000).map(|n| hub.call::<Value>("python", "echo", &json!([n])).queue());
    for (n, answer) in join_all(answers).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), json!([n]));
    }
    let given = json!({"code": "busy", "message": "later", "data": [1]});
    let error = hub.call::<Value>("python", "fail", &given).await.unwrap_err();
    let error = error.method_error().unwrap();
    assert_eq!((error.code(), error.message(), error.data()), ("busy", "later", Some(&json!([1]))));
    let call = hub.call::<Value>("python", "sleep", &600_000);
    let error = call.timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::DeadlineExceeded { .. }), "{error:?}");
    // Cancelled when it is known to run.
    tokio::select! {
        biased;
        slept = hub.call::<u64>("python", "sleep", &600_000) => panic!("{slept:?}"),
        one = hub.call::<Value>("python", "echo", &1) => assert_eq!(one, Ok(json!(1))),
    }
    // Long enough for a heartbeat of the hub.
    assert_eq!(hub.call::<u64>("python", "sleep", &1_200).await, Ok(1_200));
    // The places are free again, or these would not fit.
    let sleeps = (0..64).map(|n| hub.call::<u64>("python", "sleep", &n).queue());
    for (n, slept) in (0..).zip(join_all(sleeps).await) {
        assert_eq!(slept, Ok(n));
    }
}

/// As much as there may be, with keys that are empty and equal.
pub(super) async fn metadata(hub: &Socket) {
    let mut call = hub.call::<Value>("python", "echo", &json!("x"));
    let pairs: Vec<_> = (0..64).map(|n| (["", "a"][n % 2], "v".repeat(n % 3))).collect();
    for (key, value) in &pairs {
        call = call.metadata(*key, value);
    }
    let response = call.response().await.unwrap();
    assert!(response.metadata.iter().eq(pairs.iter().map(|(key, value)| (*key, &**value))));
}

async fn message(events: &mut Events) -> Value {
    let Some(Event::Message(message)) = within("an event", events.next()).await else { panic!() };
    message.decode().unwrap()
}

/// With calls in flight, of which it recalls what it has seen and what it keeps.
async fn loses_its_connection(hub: &Socket) {
    let call = |method, input: &Value| {
        hub.call::<u64>("lossy", method, input).timeout(None).resumable(LONG).into_future()
    };
    // They are sent in this order. The plugin takes nothing behind the one that loses the connection,
    // and stays away for longer than the first takes; no Confirm of that one's answer arrives.
    let (ends_away, runs_on, plain, loses, unseen) = tokio::join!(
        biased;
        call("sleep", &json!(100)),
        call("sleep", &json!(1_500)),
        hub.call::<u64>("lossy", "sleep", &600_000).into_future(),
        hub.call::<()>("lossy", "lose", &500).timeout(None).resumable(LONG).into_future(),
        call("count", &json!(null)),
    );
    assert_eq!((ends_away, runs_on, loses), (Ok(100), Ok(1_500), Ok(())));
    let error = plain.unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
    assert_eq!(unseen, Ok(1));
    assert_eq!(call("count", &json!(null)).await, Ok(2), "the one before ran once");
}

/// Makes it leave.
pub(super) async fn ended(python: Child) -> Output {
    let id = python.id().unwrap().to_string();
    assert!(Command::new("kill").arg(id).status().await.unwrap().success());
    within("its end", python.wait_with_output()).await.unwrap()
}

fn plugin(address: SocketAddr, name: &str) -> Child {
    python("plugin.py", &["127.0.0.1", &address.port().to_string(), name])
}
