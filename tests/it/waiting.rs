//! Waiting for plugins to connect.

use std::future::IntoFuture as _;
use std::time::Duration;

use brpc::{MemoryListener, Socket, WaitError};
use tokio::time::{Instant, timeout};

use crate::support::worker::worker;
use crate::support::{LONG, plug, settle};

#[tokio::test(start_paused = true)]
async fn one_who_waits_can_call_at_once() {
    let hub = Socket::default();
    let waiting = hub.clone();
    let waiting = tokio::spawn(async move {
        waiting.wait_for("worker", LONG).await.unwrap();
        waiting.call::<u8>("worker", "echo", &1).await
    });
    settle().await;
    plug(&hub, &worker("worker").0).await;
    assert_eq!(waiting.await.unwrap(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_its_time_and_names_who_is_missing() {
    let hub = Socket::default();
    plug(&hub, &worker("here").0).await;
    let start = Instant::now();
    let names = ["away", "here", "gone"];
    let error = hub.wait_for_all(names, Duration::from_secs(3)).await.unwrap_err();
    let missing = vec!["away".to_owned(), "gone".to_owned()];
    let connected = vec!["here".to_owned()];
    assert_eq!(error, WaitError::TimedOut { missing, connected, is_served: true });
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn names_come_in_lists_of_any_kind() {
    let hub = Socket::default();
    let (texts, strings) = (vec!["a", "b"], vec!["a".to_owned(), "b".to_owned()]);
    for waited in [
        hub.wait_for_all(&texts, Duration::ZERO).await,
        hub.wait_for_all(texts.iter(), Duration::ZERO).await,
        hub.wait_for_all(&strings, Duration::ZERO).await,
        hub.wait_for_all(strings.clone(), Duration::ZERO).await,
    ] {
        let Err(WaitError::TimedOut { missing, .. }) = waited else { panic!("{waited:?}") };
        assert_eq!(missing, strings);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_says_who_is_there_instead() {
    let hub = Socket::default();
    let ends_in = async |expected: &str| {
        let error = hub.wait_for("w", Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("not connected in time: w; {expected}"));
    };
    ends_in("the hub serves no listener").await;
    let (connector, listener) = MemoryListener::new();
    hub.serve(listener);
    ends_in("connected: nobody").await;
    for count in 0..7 {
        plug(&hub, &worker(&format!("w{count}")).0).await;
    }
    ends_in("connected: w0, w1, w2, w3, w4 and 2 more").await;
    drop(connector);
}

#[tokio::test(start_paused = true)]
async fn those_waited_for_are_there_at_the_same_moment() {
    let hub = Socket::default();
    let waiting = hub.clone();
    let waiting = tokio::spawn(async move { waiting.wait_for_all(["one", "two"], LONG).await });
    let one = plug(&hub, &worker("one").0).await;
    settle().await;
    one.kill().await;
    settle().await;
    plug(&hub, &worker("two").0).await;
    settle().await;
    assert!(!waiting.is_finished(), "they were there one after the other");
    plug(&hub, &worker("one").0).await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_to_wait_for_is_no_wait() {
    Socket::default().wait_for_all::<[&str; 0]>([], Duration::ZERO).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_hub() {
    let hub = Socket::default();
    let waiting = hub.clone();
    let waiting = tokio::spawn(async move { waiting.wait_for("worker", LONG).await });
    settle().await;
    hub.shutdown().await;
    assert_eq!(waiting.await.unwrap(), Err(WaitError::ShutDown));
    let start = Instant::now();
    assert_eq!(hub.wait_for("worker", LONG).await, Err(WaitError::ShutDown));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn c18_one_who_stops_waiting_takes_nothing_from_the_others() {
    let hub = Socket::default();
    let waiting = hub.clone();
    let waiting = tokio::spawn(async move { waiting.wait_for("worker", LONG).await });
    timeout(Duration::from_secs(1), hub.wait_for("worker", LONG)).await.unwrap_err();
    plug(&hub, &worker("worker").0).await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_leaves_is_not_waited_for() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let leaving = plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    let unplugging = tokio::spawn(hub.unplug("worker").into_future());
    settle().await;
    let waiting = hub.clone();
    let waiting = tokio::spawn(async move {
        waiting.wait_for("worker", LONG).await.unwrap();
        waiting.call::<u8>("worker", "echo", &2).await
    });
    settle().await;
    assert!(!waiting.is_finished(), "a call would be refused");
    journal.release(1);
    call.await.unwrap().unwrap();
    unplugging.await.unwrap().unwrap();
    leaving.end().await;
    plug(&hub, &worker("worker").0).await;
    assert_eq!(waiting.await.unwrap(), Ok(2));
}
