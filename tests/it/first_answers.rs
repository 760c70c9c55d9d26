//! Broadcasts that end before every plugin has answered.

use std::collections::BTreeMap;
use std::time::Duration;

use brpc::{CallErrorKind, Plugin, Selector, Socket, Stage};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::peer::{Peer, kind};
use crate::support::worker::{Journal, worker};
use crate::support::{plug, settle};

/// Answers after so many seconds: the seconds, or an error.
struct Slow(u64, bool);

#[brpc::plugin]
impl Slow {
    pub async fn load(&self) -> Result<u64, String> {
        sleep(Duration::from_secs(self.0)).await;
        if self.1 { Ok(self.0) } else { Err("no idea".to_owned()) }
    }
}

/// A hub with plugins that answer after 1, 2, .. seconds; those that are true succeed.
async fn slow(succeed: &[bool]) -> Socket {
    let hub = Socket::default();
    for (seconds, succeeds) in (1..).zip(succeed) {
        plug(&hub, &Plugin::new(Slow(seconds, *succeeds)).name(format!("s{seconds}"))).await;
    }
    hub
}

/// The answers that a hub gets from these workers, and from which.
async fn workers(hub: &Socket, names: &[&str]) -> Vec<Journal> {
    let mut journals = Vec::new();
    for name in names {
        let (plugin, journal) = worker(name);
        plug(hub, &plugin).await;
        journals.push(journal);
    }
    journals
}

fn outputs(outputs: &[u64]) -> BTreeMap<String, u64> {
    outputs.iter().map(|&seconds| (format!("s{seconds}"), seconds)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_are_yielded_and_then_the_stream_ends() {
    let hub = slow(&[true; 5]).await;
    let start = Instant::now();
    let mut loads = hub.broadcast::<u64>("load", &()).first(2);
    assert_eq!(loads.next().await, Some(("s1".to_owned(), Ok(1))));
    assert_eq!(loads.next().await, Some(("s2".to_owned(), Ok(2))));
    assert_eq!(loads.next().await, None);
    assert_eq!(loads.next().await, None);
    assert_eq!(start.elapsed().as_secs(), 2);
    let answers = hub.broadcast::<u64>("load", &()).first(3).collect().await;
    assert_eq!(answers.into_keys().collect::<Vec<_>>(), ["s1", "s2", "s3"]);
}

/// The others are cancelled when the last of the first is yielded, not when the broadcast is
/// dropped.
#[tokio::test(start_paused = true)]
async fn the_rest_is_cancelled() {
    let hub = Socket::default();
    let journals = workers(&hub, &["one", "two", "three"]).await;
    let mut answers = hub.broadcast::<()>("stay", &()).first(1);
    let answering = async {
        settle().await;
        assert!(journals.iter().all(|journal| journal.running() == 1));
        journals[1].release(1);
    };
    let (answer, ()) = tokio::join!(answers.next(), answering);
    assert_eq!(answer, Some(("two".to_owned(), Ok(()))));
    settle().await;
    let cancelled: Vec<_> = journals.iter().map(Journal::cancelled).collect();
    assert_eq!(cancelled, [1, 0, 1]);
    assert_eq!(answers.next().await, None);
    drop(answers);
    for journal in &journals {
        journal.release(1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_of_the_rest_reads_a_cancel() {
    struct Work;

    #[brpc::plugin]
    impl Work {
        pub fn work(&self) -> u8 {
            1
        }
    }

    let hub = Socket::default();
    plug(&hub, &Plugin::new(Work)).await;
    let mut peer = Peer::plugged(&hub, "peer").await;
    let answers = hub.broadcast::<u8>("work", &()).first(1).try_collect().await;
    assert_eq!(answers.unwrap().into_keys().collect::<Vec<_>>(), ["work"]);
    let call = peer.call().await;
    assert_eq!(peer.expect(kind::CANCEL).await.fields().number(), call.id);
}

#[tokio::test(start_paused = true)]
async fn errors_are_yielded_and_do_not_count() {
    let hub = slow(&[false, true, false, true, true]).await;
    let start = Instant::now();
    let mut loads = hub.broadcast::<u64>("load", &()).first(2);
    let mut seen = Vec::new();
    while let Some((name, load)) = loads.next().await {
        seen.push((name, load.is_ok()));
    }
    let expected = [("s1", false), ("s2", true), ("s3", false), ("s4", true)];
    assert_eq!(seen, expected.map(|(name, is_ok)| (name.to_owned(), is_ok)));
    assert_eq!(start.elapsed().as_secs(), 4);
    // An output of another type is an error.
    let journals = workers(&hub, &["one"]).await;
    let answers = hub.broadcast::<String>("echo", &1).first(1).collect().await;
    assert!(matches!(
        answers["one"].as_ref().unwrap_err().kind(),
        CallErrorKind::InvalidOutput { .. }
    ));
    assert_eq!((answers.len(), journals[0].finished()), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn where_fewer_succeed_each_is_answered_for() {
    let hub = slow(&[false, true, false]).await;
    let answers = hub.broadcast::<u64>("load", &()).first(2).collect().await;
    assert_eq!(answers.len(), 3);
    assert_eq!(answers.values().filter(|load| load.is_ok()).count(), 1);
    let answers = hub.broadcast::<u64>("load", &()).first(9).collect().await;
    assert_eq!(answers.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_first_of_none_ask_nobody() {
    let hub = Socket::default();
    let journals = workers(&hub, &["one"]).await;
    assert_eq!(hub.broadcast::<()>("nothing", &()).first(0).next().await, None);
    assert_eq!(hub.broadcast::<()>("nothing", &()).first(0).try_collect().await, Ok([].into()));
    settle().await;
    assert_eq!(journals[0].started(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_is_more_than_half_of_those_asked() {
    for (asked, expected) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
        let hub = slow(&vec![true; asked]).await;
        // A plugin that isn't called doesn't count.
        workers(&hub, &["x", "y", "z"]).await;
        let loads = hub.broadcast::<u64>("load", &()).to(Selector::name("s*")).quorum();
        assert_eq!(loads.collect().await.len(), expected, "of {asked}");
    }
    // A plugin that is called and can't answer does.
    let hub = slow(&[true, true]).await;
    workers(&hub, &["x", "y"]).await;
    let error = hub.broadcast::<u64>("load", &()).quorum().try_collect().await.unwrap_err();
    assert_eq!((error.asked, error.wanted, error.succeeded()), (4, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_no_quorum() {
    let hub = Socket::default();
    assert_eq!(hub.broadcast::<()>("nothing", &()).quorum().next().await, None);
    let error = hub.broadcast::<()>("nothing", &()).quorum().try_collect().await.unwrap_err();
    assert_eq!((error.asked, error.wanted, error.answers.len()), (0, 1, 0));
    let error = hub.broadcast::<()>("nothing", &()).first(1).try_collect().await.unwrap_err();
    assert_eq!((error.asked, error.wanted, error.answers.len()), (0, 1, 0));
    assert_eq!(
        hub.broadcast::<()>("nothing", &()).try_collect().await,
        Ok([].into()),
        "all of none"
    );
}

#[tokio::test(start_paused = true)]
async fn outputs_are_collected_when_enough_succeed() {
    let hub = slow(&[true, false, true, true]).await;
    let loads = || hub.broadcast::<u64>("load", &());
    assert_eq!(loads().first(2).try_collect().await, Ok(outputs(&[1, 3])));
    assert_eq!(loads().quorum().try_collect().await, Ok(outputs(&[1, 3, 4])));
    let hub = slow(&[true; 3]).await;
    let loads = hub.broadcast::<u64>("load", &());
    assert_eq!(loads.try_collect().await, Ok(outputs(&[1, 2, 3])));
}

/// And the running calls are cancelled.
#[tokio::test(start_paused = true)]
async fn collecting_ends_when_it_is_certain_that_too_few_succeed() {
    let hub = slow(&[true, false, false, true, true]).await;
    let start = Instant::now();
    let error = hub.broadcast::<u64>("load", &()).first(4).try_collect().await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!((error.asked, error.wanted, error.succeeded()), (5, 4, 1));
    assert_eq!(error.answers.keys().collect::<Vec<_>>(), ["s1", "s2", "s3"]);
    assert_eq!(error.answers["s1"], Ok(1));
    assert!(error.answers["s2"].as_ref().unwrap_err().method_error().is_some());
    assert_eq!(error.to_string(), "1 of 5 plugins succeeded, and 4 were wanted");
    // All are wanted: the first error ends it.
    let hub = Socket::default();
    let journals = workers(&hub, &["one", "two"]).await;
    let _without = Peer::plugged(&hub, "without").await;
    let error = hub.broadcast::<()>("stay", &()).try_collect().await.unwrap_err();
    assert_eq!((error.asked, error.wanted, error.answers.len()), (3, 3, 1));
    settle().await;
    for journal in &journals {
        assert_eq!(journal.cancelled(), journal.started());
        journal.release(1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_slow_are_answered_for_when_their_time_is_over() {
    let hub = Socket::default();
    let journals = workers(&hub, &["one", "two"]).await;
    let start = Instant::now();
    let waiting = hub.broadcast::<Value>("wait", &()).first(1).timeout(Duration::from_secs(2));
    let answers = waiting.collect().await;
    assert_eq!(start.elapsed().as_secs(), 2);
    let late = CallErrorKind::DeadlineExceeded { stage: Stage::Sent };
    assert_eq!(answers.len(), 2);
    assert!(answers.values().all(|answer| matches!(answer, Err(error) if *error == late)));
    drop(journals);
}

/// Cancelled calls free their places, and their share of the hub's budget for inputs.
#[tokio::test(start_paused = true)]
async fn what_was_given_up_leaves_nothing_behind() {
    let hub = Socket::builder().max_held_bytes(2_000).build();
    let journals = workers(&hub, &["one", "two"]).await;
    let text = "x".repeat(900);
    let mut kept = Vec::new();
    for _ in 0..5 {
        let mut answers = hub.broadcast::<String>("echo", &text).first(1);
        let (_, answer) = answers.next().await.unwrap();
        assert_eq!(answer.as_ref(), Ok(&text));
        kept.push(answers);
    }
    settle().await;
    assert_eq!(journals.iter().map(Journal::running).sum::<usize>(), 0);
}
