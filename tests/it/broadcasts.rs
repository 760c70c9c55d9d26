//! One call to many plugins.

use std::time::Duration;

use brpc::{CallError, CallErrorKind, Plugin, Socket, Stage};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::peer::Peer;
use crate::support::worker::{Worker, worker};
use crate::support::{Plugged, plug, settle};

async fn broadcast<I: Serialize>(
    hub: &Socket,
    input: &I,
) -> std::collections::BTreeMap<String, Result<Value, CallError>> {
    hub.broadcast::<Value>("echo", input).timeout(Duration::from_secs(1)).collect().await
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_over_no_plugin_is_empty() {
    assert!(broadcast(&Socket::default(), &1).await.is_empty());
}

struct Silent;

#[brpc::plugin]
impl Silent {
    pub async fn echo(&self, _value: Value) -> u8 {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_answers_for_each_plugin_once() {
    let hub = Socket::default();
    let mut plugged: Vec<Plugged> = Vec::new();
    for name in ["one", "two"] {
        plugged.push(plug(&hub, &worker(name).0).await);
    }
    // One that has no such method, and one that answers nothing.
    let _peer = Peer::plugged(&hub, "without").await;
    plug(&hub, &Plugin::new(Silent)).await;
    let answers = broadcast(&hub, &json!({"k": 1})).await;
    assert_eq!(answers.len(), 4);
    assert_eq!(answers["one"], Ok(json!({"k": 1})));
    assert_eq!(answers["two"], Ok(json!({"k": 1})));
    assert!(answers["without"].as_ref().is_err_and(CallError::is_not_found));
    assert_eq!(
        *answers["silent"].as_ref().unwrap_err(),
        CallErrorKind::DeadlineExceeded { stage: Stage::Sent }
    );
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_gives_answers_as_they_come() {
    struct Slow(u64);

    #[brpc::plugin]
    impl Slow {
        pub async fn load(&self) -> u64 {
            sleep(Duration::from_secs(self.0)).await;
            self.0
        }
    }

    let hub = Socket::default();
    for (name, seconds) in [("c", 1), ("a", 2), ("b", 3)] {
        plug(&hub, &Plugin::new(Slow(seconds)).name(name)).await;
    }
    let mut loads = hub.broadcast::<u64>("load", &());
    for (name, seconds) in [("c", 1), ("a", 2), ("b", 3)] {
        assert_eq!(loads.next().await, Some((name.to_owned(), Ok(seconds))));
    }
    assert_eq!(loads.next().await, None);
    assert_eq!(loads.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_that_is_awaited_gives_all_answers() {
    let hub = Socket::default();
    for name in ["one", "two"] {
        plug(&hub, &worker(name).0).await;
    }
    let answers = hub.broadcast::<u8>("echo", &7).await;
    let expected = ["one", "two"].map(|name| (name.to_owned(), Ok(7)));
    assert_eq!(answers, expected.into());
    // As a future that is kept or given away.
    assert_eq!(tokio::spawn(hub.broadcast::<u8>("echo", &7).into_future()).await.unwrap(), answers);
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_that_is_dropped_gives_its_calls_up() {
    let hub = Socket::default();
    let (one, two): ((Plugin<Worker>, _), _) = (worker("one"), worker("two"));
    for (plugin, _) in [&one, &two] {
        plug(&hub, plugin).await;
    }
    let mut waiting = hub.broadcast::<()>("wait", &());
    timeout(Duration::from_secs(1), waiting.next()).await.unwrap_err();
    assert_eq!((one.1.running(), two.1.running()), (1, 1));
    drop(waiting);
    settle().await;
    assert_eq!((one.1.dropped(), two.1.dropped()), (1, 1));
}

/// The first answer, that a plugin has no such method, comes before the others are even called; a
/// caller that reads it takes no time from them.
#[tokio::test(start_paused = true)]
async fn a_broadcast_asks_all_at_once() {
    let hub = Socket::default();
    let _without = Peer::plugged(&hub, "without").await;
    let (plugin, journal) = worker("with");
    plug(&hub, &plugin).await;
    let mut answers = hub.broadcast::<()>("nothing", &());
    let (name, answer) = answers.next().await.unwrap();
    assert_eq!((&*name, answer.unwrap_err().is_not_found()), ("without", true));
    settle().await;
    assert_eq!(journal.finished(), 1, "asked and answered, though nobody polls");
    assert_eq!(answers.next().await, Some(("with".to_owned(), Ok(()))));
}
