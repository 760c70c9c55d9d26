//! Methods that hold up their connection, and are named for it.

use std::time::Duration;

use brpc::{Plugin, Socket};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::time::advance;

use crate::support::traced::{trace, warnings};
use crate::support::{ROOM, plug, settle};

struct Worker;

/// As if its thread slept for so long.
fn hold(millis: u64) {
    let _ = advance(Duration::from_millis(millis)).now_or_never();
}

#[brpc::plugin]
impl Worker {
    pub async fn drags(&self) {
        hold(3_000);
        tokio::task::yield_now().await;
    }

    pub fn drags_in_sync(&self) {
        hold(100);
    }

    pub async fn hurries(&self) {
        hold(99);
    }

    pub async fn is_patient(&self) {
        hold(3_000);
    }

    pub async fn is_eager(&self) {
        hold(10);
    }

    pub fn length(&self, text: String) -> usize {
        text.len()
    }
}

/// Each is named, and nobody else, though they are started in one go.
#[tokio::test(start_paused = true)]
async fn a_method_that_holds_up_its_connection_is_named_in_a_warning() {
    trace();
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Worker)).await;
    let methods = ["hurries", "drags", "hurries", "drags_in_sync", "hurries"];
    let calls = methods.map(|method| hub.call::<()>("worker", method, &()).timeout(None));
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    let named = |method: &str| warnings(&format!("method={method:?}"));
    assert_eq!((named("drags").len(), named("drags_in_sync").len()), (1, 1));
    assert!(named("drags")[0].contains("took=3s"), "{:?}", named("drags"));
    assert_eq!(named("hurries"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn how_long_it_may_be_held_up_can_be_set() {
    trace();
    for (patience, method) in [(None, "is_patient"), (Some(Duration::from_millis(10)), "is_eager")]
    {
        let hub = Socket::default();
        plug(&hub, &Plugin::new(Worker).warn_after(patience)).await;
        hub.call::<()>("worker", method, &()).timeout(None).await.unwrap();
        let is_named = !warnings(&format!("method={method:?}")).is_empty();
        assert_eq!(is_named, patience.is_some(), "{method}");
    }
}

/// What the hub had accepted meanwhile, more than the connection takes, is answered afterwards.
#[tokio::test(start_paused = true)]
async fn calls_behind_a_method_that_holds_up_its_connection_are_not_lost() {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Worker)).await;
    let held = tokio::spawn(hub.call::<()>("worker", "drags", &()));
    let text = "x".repeat(ROOM);
    let calls: Vec<_> = (0..16)
        .map(|_| tokio::spawn(hub.call::<usize>("worker", "length", &text).timeout(None)))
        .collect();
    settle().await;
    held.await.unwrap().unwrap();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(ROOM));
    }
}
