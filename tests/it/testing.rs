//! The kit for tests of hubs and plugins.

use std::time::Duration;

use brpc::testing::{Link, Reply, Script, plug, plug_through};
use brpc::{
    CallErrorKind, ConnectError, DisconnectReason, Event, Execution, MethodError, Plugin,
    RefusalCode, Socket,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::eventually;

struct Greeter;

#[brpc::plugin(client)]
impl Greeter {
    pub fn greet(&self, name: String) -> String {
        format!("Hello, {name}!")
    }

    pub async fn wait(&self) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_plugged_called_stopped_and_killed() {
    let hub = Socket::default();
    let first = plug(&hub, &Plugin::new(Greeter)).await.unwrap();
    assert_eq!(first.name(), "greeter");
    let greeter = GreeterClient::new(&hub, "greeter");
    assert_eq!(greeter.greet("Ada".into()).await.unwrap(), "Hello, Ada!");
    first.handle().stop(Duration::from_secs(1));
    assert!(first.ended().await.is_graceful());

    let mut events = hub.events();
    let second = plug(&hub, &Plugin::new(Greeter)).await.unwrap();
    second.kill().await;
    while let Some(event) = events.next().await {
        if let Event::Disconnected(_, reason) = event {
            assert_eq!(reason, DisconnectReason::Unclean, "nobody said goodbye");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_answers_in_its_order_and_says_what_it_got() {
    let hub = Socket::default();
    let script = Script::new("disk")
        .version("2.0")
        .on("free", Reply::value(&1))
        .on("check", Reply::error(MethodError::new("busy", "later").with_data(json!([1]))))
        .on("free", Reply::value(&json!({ "bytes": 2 })))
        .on("check", Reply::panic("no"))
        .on("check", Reply::with(|input| Ok(json!([input, input]))))
        .on("broken", Reply::with(|_| panic!("in the script")));
    let disk = script.plug(&hub).await.unwrap();
    assert_eq!(hub.connected()[0].version(), "2.0");

    let call = |method: &str, input: Value| hub.call::<Value>("disk", method, &input);
    assert_eq!(call("free", json!(null)).await.unwrap(), 1);
    for _ in 0..2 {
        assert_eq!(call("free", json!(null)).await.unwrap(), json!({ "bytes": 2 }));
    }
    let error = call("check", json!("a")).await.unwrap_err();
    let error = error.method_error().unwrap();
    assert_eq!((error.code(), error.data()), ("busy", Some(&json!([1]))));
    assert!(matches!(
        call("check", json!("b")).await.unwrap_err().kind(),
        CallErrorKind::Panicked { .. }
    ));
    assert_eq!(call("check", json!("c")).await.unwrap(), json!(["c", "c"]));
    assert!(matches!(
        call("broken", json!(1)).await.unwrap_err().kind(),
        CallErrorKind::Panicked { .. }
    ));

    disk.assert_received("check", &json!("b"));
    let traced = call("free", json!({ "all": true })).trace("t").metadata("k", "v");
    traced.await.unwrap();
    let received = disk.received("free");
    assert_eq!(received.len(), 4);
    assert_eq!((&*received[3].trace, &received[3].input), ("t", &json!({ "all": true })));
    assert_eq!(received[3].metadata.get("k"), Some("v"));
    assert_eq!(disk.all_received().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_reply_may_take_its_time_or_never_come() {
    let hub = Socket::default();
    let script = Script::new("slow")
        .on("late", Reply::value(&1).after(Duration::from_secs(20)))
        .on("never", Reply::never());
    let slow = script.plug(&hub).await.unwrap();
    let start = Instant::now();
    assert_eq!(hub.call::<u8>("slow", "late", &()).await.unwrap(), 1);
    assert_eq!(start.elapsed().as_secs(), 20);
    let error = hub.call::<u8>("slow", "never", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::DeadlineExceeded { .. }), "{error:?}");
    eventually(|| slow.received("never")[0].is_cancelled).await;
    assert!(!slow.received("late")[0].is_cancelled);
    // It gave its place back.
    assert_eq!(hub.call::<u8>("slow", "late", &()).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_script_dies_when_it_is_to() {
    let hub = Socket::default();
    let script = Script::new("mortal").on("live", Reply::value(&1)).dies_after(2);
    let mortal = script.plug(&hub).await.unwrap();
    assert_eq!(hub.call::<u8>("mortal", "live", &()).await.unwrap(), 1);
    let error = hub.call::<u8>("mortal", "live", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::Disconnected { .. }), "{error:?}");
    assert_eq!(error.execution(), Execution::Unknown);
    assert_eq!(mortal.received("live").len(), 2, "it got both");
    eventually(|| hub.connected().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_script_sends_events_and_leaves() {
    let hub = Socket::default();
    let mut events = hub.events();
    let script = Script::new("talker").on("wait", Reply::value(&1).after(Duration::from_secs(5)));
    let talker = script.plug(&hub).await.unwrap();
    talker.emit("hello").unwrap();
    let call = tokio::spawn(hub.call::<u8>("talker", "wait", &()));
    eventually(|| talker.received("wait").len() == 1).await;
    talker.leave();
    assert_eq!(call.await.unwrap().unwrap(), 1, "what runs is answered");
    let mut seen = Vec::new();
    while seen.len() < 3
        && let Some(event) = events.next().await
    {
        seen.push(match event {
            Event::Connected(_) => "connected".to_owned(),
            Event::Message(message) => message.decode().unwrap(),
            Event::Disconnected(_, reason) => format!("{reason:?}"),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(seen, ["connected", "hello", "Clean"]);
}

#[tokio::test(start_paused = true)]
async fn a_script_that_is_not_let_in_says_why() {
    let hub = Socket::default();
    let script = || Script::new("twin").on("live", Reply::value(&1));
    let twin = script().plug(&hub).await.unwrap();
    let Err(ConnectError::Refused(refusal)) = script().plug(&hub).await else { panic!("let in") };
    assert_eq!(refusal.code, RefusalCode::NameTaken);
    assert!(matches!(Script::new("a b").plug(&hub).await, Err(ConnectError::BadName { .. })));
    assert!(matches!(
        Script::new("a").version("\n").plug(&hub).await,
        Err(ConnectError::BadVersion { .. })
    ));
    let nameless = Script::new("a").on("", Reply::never());
    assert!(matches!(nameless.plug(&hub).await, Err(ConnectError::Description(_))));
    drop(twin);
    eventually(|| hub.connected().is_empty()).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "no call of `free` with 2; it was called with 1")]
async fn what_was_not_received_is_named() {
    let hub = Socket::default();
    let disk = Script::new("disk").on("free", Reply::value(&1)).plug(&hub).await.unwrap();
    hub.call::<u8>("disk", "free", &1).await.unwrap();
    disk.assert_received("free", &json!(2));
}

#[tokio::test(start_paused = true)]
async fn a_link_delays_stalls_and_is_cut() {
    let (hub, link) = (Socket::default(), Link::new());
    let _plugged = plug_through(&hub, &Plugin::new(Greeter), &link).await.unwrap();
    let greeter = GreeterClient::new(&hub, "greeter");

    link.delay(Duration::from_millis(250));
    let start = Instant::now();
    greeter.greet("Ada".into()).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 500, "there and back");

    link.delay(Duration::ZERO);
    link.stall();
    let greeting = tokio::spawn(greeter.greet("Bob".into()));
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(!greeting.is_finished());
    link.resume();
    assert_eq!(greeting.await.unwrap().unwrap(), "Hello, Bob!");

    let waiting = tokio::spawn(greeter.wait());
    tokio::time::sleep(Duration::from_secs(1)).await;
    link.cut();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::Disconnected { .. }), "{error:?}");
    assert_eq!(error.execution(), Execution::Unknown);

    // The link itself works again.
    let script = Script::new("other").on("live", Reply::value(&1));
    let _other = script.plug_through(&hub, &link).await.unwrap();
    assert_eq!(hub.call::<u8>("other", "live", &()).await.unwrap(), 1);
}
