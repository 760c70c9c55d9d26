//! Calls that wait for a plugin that is away.

use std::future::IntoFuture as _;
use std::time::Duration;

use brpc::{CallError, CallErrorKind, DisconnectReason, Execution, Selector, Socket, Stage};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::peer::{Hello, Peer, kind};
use crate::support::worker::worker;
use crate::support::{LONG, eventually, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// A call to a peer, that waits for it.
fn waiting(hub: &Socket) -> JoinHandle<Result<u8, CallError>> {
    let call = hub.call::<u8>("peer", "work", &());
    tokio::spawn(call.timeout(10 * SECOND).wait_for_plugin(5 * SECOND).into_future())
}

fn no_plugin() -> CallErrorKind {
    CallErrorKind::NoPlugin { name: "peer".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_call_spends_its_own_time_on_the_wait() {
    let hub = Socket::default();
    let call = waiting(&hub);
    sleep(4 * SECOND).await;
    let mut peer = Peer::plugged(&hub, "peer").await;
    let made = peer.call().await;
    assert!((5_990..=6_000).contains(&made.timeout_ms), "{made:?}");
    peer.reply(made.id, "1").await;
    assert_eq!(call.await.unwrap(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_to_one_that_is_there_waits_for_nobody() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let call = waiting(&hub);
    let made = peer.call().await;
    peer.reply(made.id, "1").await;
    assert_eq!(call.await.unwrap(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_as_a_call_without_it() {
    let (hub, start) = (Socket::default(), Instant::now());
    let error = waiting(&hub).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), start.elapsed().as_secs()), (&no_plugin(), 5));
    assert_eq!(error.execution(), Execution::Never);
    assert_eq!(error.to_string(), "peer.work: no plugin named `peer` is connected");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_while_a_call_waits() {
    let (hub, start) = (Socket::default(), Instant::now());
    let call = hub.call::<u8>("peer", "work", &()).timeout(3 * SECOND);
    let error = call.wait_for_plugin(LONG).await.unwrap_err();
    assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Queued });
    assert_eq!(start.elapsed().as_secs(), 3);
    // Without a deadline, and for ever.
    let call = hub.call::<u8>("peer", "work", &()).timeout(None);
    let call = tokio::spawn(call.wait_for_plugin(Duration::MAX).into_future());
    sleep(LONG).await;
    let mut peer = Peer::plugged(&hub, "peer").await;
    assert_eq!(peer.call().await.timeout_ms, 0);
    call.abort();
}

/// The calls of a broadcast have what is left of their time.
#[tokio::test(start_paused = true)]
async fn a_broadcast_waits_for_the_first_plugin_that_it_may_call() {
    let hub = Socket::default();
    let (other, _) = worker("other");
    let _other = plug(&hub, &other).await;
    let broadcast = hub.broadcast::<u8>("work", &()).to(Selector::name("peer*"));
    let broadcast = broadcast.timeout(10 * SECOND).wait_for_plugin(5 * SECOND);
    let outputs = tokio::spawn(broadcast.try_collect());
    sleep(4 * SECOND).await;
    let mut peer = Peer::plugged(&hub, "peer-1").await;
    let call = peer.call().await;
    assert_eq!(call.timeout_ms, 6_000);
    peer.reply(call.id, "7").await;
    assert_eq!(outputs.await.unwrap().unwrap()["peer-1"], 7);

    // Nobody comes.
    let start = Instant::now();
    let broadcast = hub.broadcast::<u8>("work", &()).to(Selector::name("nobody"));
    assert!(broadcast.wait_for_plugin(5 * SECOND).await.is_empty());
    assert_eq!(start.elapsed().as_secs(), 5);
    // Its calls would have no time left.
    let broadcast = hub.broadcast::<u8>("work", &()).to(Selector::name("nobody"));
    assert!(broadcast.timeout(SECOND).wait_for_plugin(Duration::MAX).await.is_empty());
    assert_eq!(start.elapsed().as_secs(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_can_be_cancelled() {
    let hub = Socket::default();
    let mut call = hub.call::<u8>("peer", "work", &()).wait_for_plugin(LONG);
    let handle = call.cancel_handle();
    let call = tokio::spawn(call.into_future());
    settle().await;
    handle.cancel();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error, CallErrorKind::Cancelled { stage: Stage::Queued });
    // Dropped, it is not made either.
    waiting(&hub).abort();
    settle().await;
    let mut peer = Peer::plugged(&hub, "peer").await;
    hub.unplug("peer").grace(Duration::ZERO).await.unwrap();
    peer.expect(kind::GOODBYE).await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_hub() {
    let hub = Socket::default();
    let call = waiting(&hub);
    settle().await;
    hub.shutdown().await;
    assert_eq!(call.await.unwrap().unwrap_err(), CallErrorKind::ShuttingDown);
    assert_eq!(waiting(&hub).await.unwrap().unwrap_err(), CallErrorKind::ShuttingDown);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_leaving_is_not_called() {
    let hub = Socket::default();
    let mut old = Peer::plugged(&hub, "peer").await;
    let unplug = tokio::spawn(hub.unplug("peer").into_future());
    old.expect(kind::DRAIN).await;
    let call = waiting(&hub);
    settle().await;
    old.send_frame(kind::GOODBYE, &[1, 0]).await;
    unplug.await.unwrap().unwrap();
    let mut new = Peer::plugged(&hub, "peer").await;
    let made = new.call().await;
    new.reply(made.id, "2").await;
    assert_eq!(call.await.unwrap(), Ok(2));
    assert_eq!(old.frame().await, None);
}

/// It waits for a place when its plugin goes: it was never sent, so it can't run twice.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_sent_goes_to_the_next_connection() {
    let hub = Socket::default();
    let mut hello = Hello::new("peer");
    hello.max_calls = 1;
    let mut old = Peer::plugged_as(&hub, &hello).await;
    let sent = waiting(&hub);
    old.call().await;
    let call = hub.call::<u8>("peer", "work", &()).queue().wait_for_plugin(5 * SECOND);
    let unsent = tokio::spawn(call.into_future());
    settle().await;
    drop(old);
    let lost = sent.await.unwrap().unwrap_err();
    assert!(matches!(
        lost.kind(),
        CallErrorKind::Disconnected {
            stage: Stage::Sent,
            reason: DisconnectReason::Unclean | DisconnectReason::Reset,
            ..
        }
    ));
    sleep(SECOND).await;
    let mut new = Peer::plugged(&hub, "peer").await;
    let made = new.call().await;
    new.reply(made.id, "2").await;
    assert_eq!(unsent.await.unwrap(), Ok(2));
    hub.unplug("peer").grace(Duration::ZERO).await.unwrap();
    new.expect(kind::GOODBYE).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_ended_is_not_waited_for() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    let plugin = hub.connected()[0].clone();
    plugged.kill().await;
    settle().await;
    let start = Instant::now();
    let call = hub.call_instance::<u8>(&plugin, "echo", &1).wait_for_plugin(LONG);
    assert!(call.await.unwrap_err().is_disconnected());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// A plugin that comes and goes is called at the next moment that it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_find_a_plugin_that_comes_and_goes() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let calls: Vec<_> = (0..100_u32)
        .map(|number| {
            let hub = hub.clone();
            tokio::spawn(async move {
                let mut never = 0;
                loop {
                    let call = hub.call::<u32>("worker", "echo", &number);
                    match call.wait_for_plugin(LONG).timeout(None).await {
                        Ok(output) => return (output == number, never),
                        Err(error) if error.execution() == Execution::Never => never += 1,
                        Err(error) => assert!(error.is_disconnected(), "{error:?}"),
                    }
                }
            })
        })
        .collect();
    for _ in 0..20 {
        plug(&hub, &plugin).await.kill().await;
        eventually(|| hub.connected().is_empty()).await;
    }
    let plugged = plug(&hub, &plugin).await;
    for call in calls {
        assert_eq!(call.await.unwrap(), (true, 0), "none ends unmade");
    }
    assert_eq!(journal.running(), 0);
    plugged.kill().await;
}
