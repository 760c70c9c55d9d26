//! Which plugin is connected under which name.

use std::time::Duration;

use brpc::{CallErrorKind, ConnectError, Event, Plugin, Refusal, RefusalCode, Socket};
use serde_json::json;

use crate::support::peer::{Hello, Peer, kind};
use crate::support::worker::worker;
use crate::support::{eventually, open, plug};

async fn refusal(hub: &Socket, name: &str) -> Refusal {
    match open(hub, &worker(name).0).await {
        Err(ConnectError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused_and_its_holder_undisturbed() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    let refusal = refusal(&hub, "worker").await;
    assert_eq!(refusal.code, RefusalCode::NameTaken);
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(1)));
    journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_again_when_its_holder_is_gone() {
    let hub = Socket::default();
    let (plugin, _) = worker("worker");
    for generation in 1..=3 {
        let plugged = plug(&hub, &plugin).await;
        assert_eq!(hub.connected()[0].generation(), generation);
        assert_eq!(hub.plugin_info("worker").unwrap().generation, generation);
        plugged.kill().await;
        eventually(|| hub.connected().is_empty()).await;
        let error = hub.call::<()>("worker", "nothing", &()).await.unwrap_err();
        assert_eq!(error, CallErrorKind::NoPlugin { name: "worker".to_owned() });
        assert_eq!(hub.plugin_info("worker"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sequencer_makes_names_of_those_before_up_to_its_attempts() {
    let hub = Socket::builder().key_sequencer(|name| format!("{name}-again"), 2).build();
    for name in ["worker", "worker-again", "worker-again-again"] {
        let plugged = plug(&hub, &worker("worker").0).await;
        assert_eq!(plugged.name, name, "the plugin is told its name");
        assert_eq!(hub.call::<u8>(name, "echo", &1).await, Ok(1));
    }
    assert_eq!(refusal(&hub, "worker").await.code, RefusalCode::NameTaken);
    let names: Vec<_> = hub.connected().iter().map(|plugin| plugin.name().to_owned()).collect();
    assert_eq!(names, ["worker", "worker-again", "worker-again-again"]);
}

#[tokio::test(start_paused = true)]
async fn a_sequencer_without_attempts_is_none() {
    let hub = Socket::builder().key_sequencer(|name| format!("{name}-again"), 0).build();
    plug(&hub, &worker("worker").0).await;
    assert_eq!(refusal(&hub, "worker").await.code, RefusalCode::NameTaken);
}

#[tokio::test(start_paused = true)]
async fn a_sequencer_that_panics_costs_the_one_plugin_its_place() {
    let hub = Socket::builder().key_sequencer(|_| panic!("no idea"), 2).build();
    plug(&hub, &worker("worker").0).await;
    assert_eq!(refusal(&hub, "worker").await.code, RefusalCode::NameTaken);
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
    assert_eq!(plug(&hub, &worker("another").0).await.name, "another");
    assert!(hub.shutdown().await.is_clean());
}

/// A name is taken over from a connection under that name only.
#[tokio::test(start_paused = true)]
async fn one_instance_may_have_many_names() {
    let hub = Socket::default();
    // All peers have the same instance.
    let mut first = Peer::plugged(&hub, "peer").await;
    let mut second = Peer::plugged(&hub, "another").await;
    // The end of one leaves the other.
    drop(tokio::io::AsyncWriteExt::shutdown(&mut second.stream).await);
    eventually(|| hub.connected().len() == 1).await;
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()));
    let id = first.call().await.id;
    first.reply(id, "1").await;
    assert_eq!(call.await.unwrap(), Ok(1));
}

/// Whichever goes, and in whichever order, the others stay.
#[tokio::test(start_paused = true)]
async fn a_replica_leaves_only_itself() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
        let hub = Socket::builder().key_sequencer(|name| format!("{name}x"), 3).build();
        let mut replicas = Vec::new();
        for _ in 0..3 {
            replicas.push(Some(plug(&hub, &worker("worker").0).await));
        }
        let mut names = vec!["worker", "workerx", "workerxx"];
        let mut events = hub.events();
        for place in order {
            let replica = replicas[place].take().unwrap();
            let name = replica.name.clone();
            replica.kill().await;
            let Some(Event::Disconnected(gone, _)) = events.next().await else { panic!() };
            assert_eq!(gone.name(), name);
            names.retain(|left| *left != name);
            for name in &names {
                assert_eq!(hub.call::<u8>(name, "echo", &1).await, Ok(1));
            }
            assert_eq!(hub.connected().len(), names.len());
        }
    }
}

/// The second need not describe itself, and once all are gone the next has to again.
#[tokio::test(start_paused = true)]
async fn replicas_share_their_description() {
    let hub = Socket::default();
    for _ in 0..3 {
        let mut first = Peer::dial(&hub);
        first.say_hello(&Hello::new("first")).await;
        first.hear_preface().await;
        assert_eq!(first.expect(kind::ACCEPTED).await.body, [1], "it is to describe itself");
        first.send_frame(kind::DESCRIBE, &crate::support::peer::DESCRIPTION).await;
        first.expect(kind::WELCOME).await;
        let mut second = Peer::dial(&hub);
        second.say_hello(&Hello::new("second")).await;
        second.hear_preface().await;
        assert_eq!(second.expect(kind::ACCEPTED).await.body, [0], "it is known");
        second.expect(kind::WELCOME).await;
        drop(first);
        eventually(|| hub.connected().len() == 1).await;
        let functions = hub.plugin_info("second").unwrap().functions;
        assert_eq!(functions[0].name, "work");
        drop(second);
        eventually(|| hub.connected().is_empty()).await;
    }
}

/// Whoever is slow to drop its call must not keep the description of a plugin that is gone.
#[tokio::test(start_paused = true)]
async fn a_description_is_forgotten_with_the_last_of_its_plugins() {
    let hub = Socket::default();
    let (first, second) = (Peer::plugged(&hub, "first").await, Peer::plugged(&hub, "second").await);
    let _kept = hub.call::<()>("first", "work", &());
    drop((first, second));
    eventually(|| hub.connected().is_empty()).await;
    let mut third = Peer::dial(&hub);
    third.say_hello(&Hello::new("third")).await;
    third.hear_preface().await;
    assert_eq!(third.expect(kind::ACCEPTED).await.body, [1]);
}

#[tokio::test(start_paused = true)]
async fn h25_a_hub_takes_so_many_plugins() {
    let hub = Socket::builder().max_plugins(2).build();
    let one = plug(&hub, &worker("one").0).await;
    plug(&hub, &worker("two").0).await;
    let refusal = refusal(&hub, "three").await;
    assert_eq!(
        (refusal.code, refusal.retry_after),
        (RefusalCode::Full, Some(Duration::from_secs(5)))
    );
    one.kill().await;
    eventually(|| hub.connected().len() == 1).await;
    plug(&hub, &worker("three").0).await;
}

#[tokio::test(start_paused = true)]
async fn a_plugin_may_say_otherwise_what_its_methods_are() {
    let hub = Socket::default();
    let (plugin, _) = worker("worker");
    let plugin = plugin.version("7").describe("echo", |function| {
        function.description = "Repeats.".to_owned();
        function.name = "another".to_owned();
    });
    plug(&hub, &plugin).await;
    let info = hub.plugin_info("worker").unwrap();
    assert_eq!((&*info.name, &*info.version), ("worker", "7"));
    let echo = info.functions.iter().find(|function| function.name == "echo").unwrap();
    assert_eq!(echo.description, "Repeats.");
    let text = info.functions.iter().find(|function| function.name == "text").unwrap();
    assert_eq!(text.description, "A text of so many bytes.");
    assert_eq!(text.output.clone().unwrap().to_value()["type"], json!("string"));
    let refused = open(&hub, &worker("other").0.describe("walk", |_| {})).await;
    let Err(ConnectError::NoSuchMethod { name, methods }) = refused else { panic!() };
    assert_eq!(name, "walk");
    assert!(methods.contains(&"echo".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_a_plugin_says_wrong_of_itself_is_found_before_it_dials() {
    let hub = Socket::default();
    for bad in ["", ".hidden", "a b", "a/b", "a\n", "\u{430}"] {
        let refused = open(&hub, &worker(bad).0).await;
        let Err(ConnectError::BadName { name, .. }) = &refused else {
            panic!("{bad:?}: {refused:?}")
        };
        assert_eq!(name, bad);
        assert!(refused.unwrap_err().to_string().contains(&format!("bad plugin name {bad:?}: ")));
    }
    let plugin: Plugin<_> = worker("worker").0.version("1\t2");
    assert!(matches!(open(&hub, &plugin).await, Err(ConnectError::BadVersion { .. })));
}
