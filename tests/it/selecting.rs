//! Plugins that a selector matches by name, label, version and method.

use std::future::IntoFuture as _;
use std::time::Duration;

use brpc::{CallError, PluginRef, Selector, Socket, WaitError};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::support::peer::Peer;
use crate::support::worker::worker;
use crate::support::{LONG, Plugged, eventually, plug, settle};

fn names(plugins: &[PluginRef]) -> Vec<&str> {
    plugins.iter().map(PluginRef::name).collect()
}

/// A hub with some plugins.
async fn fleet() -> Socket {
    let hub = Socket::default();
    for (name, region, version) in
        [("edge-1", "eu", "1.2.0"), ("edge-2", "us", "1.9.3"), ("core-1", "eu", "2.0.0")]
    {
        plug(&hub, &worker(name).0.label("region", region).version(version)).await;
    }
    hub
}

fn version(range: &str) -> Selector {
    Selector::all().version(range).unwrap()
}

#[tokio::test(start_paused = true)]
async fn those_connected_are_listed_by_each_condition() {
    let hub = fleet().await;
    // It has the method `work` and no labels, and its version is no semantic one.
    let _peer = Peer::plugged(&hub, "peer").await;
    for (selector, expected) in [
        (Selector::all(), &["core-1", "edge-1", "edge-2", "peer"][..]),
        (Selector::name("edge-1"), &["edge-1"]),
        (Selector::name("edge-*"), &["edge-1", "edge-2"]),
        (Selector::name("????-1"), &["core-1", "edge-1"]),
        (Selector::name("edge"), &[]),
        (Selector::all().label("region", "eu"), &["core-1", "edge-1"]),
        (version(">=1.2, <2"), &["edge-1", "edge-2"]),
        (version("*"), &["core-1", "edge-1", "edge-2"]),
        (Selector::all().method("echo"), &["core-1", "edge-1", "edge-2"]),
        (Selector::all().method("work"), &["peer"]),
        (Selector::name("*-1").label("region", "eu").version("1").unwrap(), &["edge-1"]),
        (Selector::all().label("region", "eu").label("region", "us"), &[]),
    ] {
        assert_eq!(names(&hub.connected_matching(&selector)), expected, "{selector}");
    }
    assert_eq!(names(&hub.connected()), ["core-1", "edge-1", "edge-2", "peer"]);
}

#[tokio::test(start_paused = true)]
async fn the_name_is_the_one_that_the_hub_gave() {
    let hub = Socket::builder().key_sequencer(|name| format!("{name}-again"), 1).build();
    for _ in 0..2 {
        plug(&hub, &worker("worker").0).await;
    }
    assert_eq!(names(&hub.connected_matching(&Selector::name("*-again"))), ["worker-again"]);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_gone_are_not_meant() {
    let hub = fleet().await;
    let gone = plug(&hub, &worker("edge-3").0).await;
    assert_eq!(hub.connected_matching(&Selector::name("edge-*")).len(), 3);
    gone.kill().await;
    eventually(|| hub.connected_matching(&Selector::name("edge-*")).len() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_asks_those_who_are_meant_and_no_others() {
    let hub = Socket::default();
    let (eu, us) = (worker("eu"), worker("us"));
    plug(&hub, &eu.0.label("region", "eu")).await;
    plug(&hub, &us.0.label("region", "us")).await;
    let selector = Selector::all().label("region", "eu");
    let answers = hub.broadcast::<u8>("echo", &1).to(selector.clone()).collect().await;
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), [("eu".to_owned(), Ok(1))]);
    assert_eq!((eu.1.started(), us.1.started()), (1, 0));
    // The last one counts.
    let mut answers = hub.broadcast::<u8>("echo", &1).to(selector).to(Selector::name("us"));
    assert_eq!(answers.next().await, Some(("us".to_owned(), Ok(1))));
    assert_eq!(answers.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_to_those_who_have_the_method() {
    let hub = fleet().await;
    let _peer = Peer::plugged(&hub, "peer").await;
    let all = hub.broadcast::<Value>("echo", &1).collect().await;
    assert!(all["peer"].as_ref().is_err_and(CallError::is_not_found));
    let having = Selector::all().method("echo");
    let answers = hub.broadcast::<Value>("echo", &1).to(having).collect().await;
    assert_eq!(answers.len(), 3);
    assert!(answers.values().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_to_nobody_is_empty() {
    let hub = fleet().await;
    let nobody = Selector::name("mobile-*");
    assert_eq!(hub.broadcast::<()>("wait", &()).to(nobody.clone()).next().await, None);
    assert!(hub.broadcast::<()>("wait", &()).to(nobody).collect().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_kind_gets_all_of_it_that_are_there() {
    let hub = fleet().await;
    let edges = Selector::name("edge-*");
    for count in [0, 1, 2] {
        let there = hub.wait_for_matching(&edges, count, Duration::ZERO).await.unwrap();
        assert_eq!(names(&there), ["edge-1", "edge-2"]);
    }
    let nobody = Selector::name("mobile-*");
    assert!(hub.wait_for_matching(&nobody, 0, Duration::ZERO).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_kind_can_call_it_at_once() {
    let hub = Socket::default();
    let waiting = hub.clone();
    let waiting = tokio::spawn(async move {
        let edges = Selector::name("edge-*").label("region", "eu");
        let edges = waiting.wait_for_matching(&edges, 2, LONG).await.unwrap();
        let answers = waiting.broadcast::<u8>("echo", &7).collect().await;
        (names(&edges).join(" "), answers.values().filter(|answer| **answer == Ok(7)).count())
    });
    settle().await;
    plug(&hub, &worker("edge-1").0.label("region", "eu")).await;
    plug(&hub, &worker("edge-2").0.label("region", "us")).await;
    plug(&hub, &worker("core-1").0.label("region", "eu")).await;
    settle().await;
    assert!(!waiting.is_finished(), "one of them is of the kind");
    plug(&hub, &worker("edge-3").0.label("region", "eu")).await;
    assert_eq!(waiting.await.unwrap(), ("edge-1 edge-3".to_owned(), 4));
}

/// More changes than plugins are missing, in an order in which a look after the last of them is
/// needed.
#[tokio::test(start_paused = true)]
async fn they_are_there_at_the_same_moment() {
    let hub = Socket::default();
    let waiting = hub.clone();
    let waiting = tokio::spawn(async move {
        let edges = Selector::name("edge-*");
        names(&waiting.wait_for_matching(&edges, 3, LONG).await.unwrap()).join(" ")
    });
    let mut plugged: Vec<Plugged> = Vec::new();
    for name in ["edge-1", "other-1", "edge-2", "other-2"] {
        settle().await;
        plugged.push(plug(&hub, &worker(name).0).await);
    }
    plugged.remove(0).kill().await;
    settle().await;
    plug(&hub, &worker("edge-3").0).await;
    settle().await;
    assert!(!waiting.is_finished(), "they were there one after the other");
    plug(&hub, &worker("edge-4").0).await;
    assert_eq!(waiting.await.unwrap(), "edge-2 edge-3 edge-4");
}

#[tokio::test(start_paused = true)]
async fn one_who_leaves_is_listed_and_not_waited_for() {
    let hub = Socket::default();
    let (plugin, journal) = worker("edge-1");
    let leaving = plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("edge-1", "wait", &()));
    let unplugging = tokio::spawn(hub.unplug("edge-1").into_future());
    settle().await;
    let edges = Selector::name("edge-*");
    assert_eq!(hub.connected_matching(&edges).len(), 1);
    let waited = hub.wait_for_matching(&edges, 1, Duration::from_secs(1)).await;
    assert!(matches!(waited, Err(WaitError::TooFew { found: 0, wanted: 1, .. })), "{waited:?}");
    journal.release(1);
    call.await.unwrap().unwrap();
    unplugging.await.unwrap().unwrap();
    leaving.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_kind_ends_with_its_time_and_says_how_many_there_were() {
    let hub = fleet().await;
    let start = Instant::now();
    let edges = Selector::name("edge-*");
    let error = hub.wait_for_matching(&edges, 5, Duration::from_secs(3)).await.unwrap_err();
    let selector = r#"name "edge-*""#.to_owned();
    assert_eq!(error, WaitError::TooFew { found: 2, wanted: 5, selector });
    assert_eq!(start.elapsed().as_secs(), 3);
}

/// Though fewer changes came than plugins are missing.
#[tokio::test(start_paused = true)]
async fn a_wait_for_a_kind_ends_with_the_hub() {
    let hub = fleet().await;
    let waiting = hub.clone();
    let waiting =
        tokio::spawn(async move { waiting.wait_for_matching(&Selector::all(), 100, LONG).await });
    settle().await;
    hub.shutdown().await;
    assert_eq!(waiting.await.unwrap().unwrap_err(), WaitError::ShutDown);
    let late = timeout(Duration::ZERO, hub.wait_for_matching(&Selector::all(), 1, LONG)).await;
    assert_eq!(late.unwrap().unwrap_err(), WaitError::ShutDown);
}
