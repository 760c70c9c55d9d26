//! Plugins that take calls and answer none.

use std::time::Duration;

use brpc::{CallErrorKind, DisconnectReason, Event, Limits, Scope, Socket};
use tokio::time::{Instant, sleep, timeout};

use crate::support::peer::{Peer, farewell, kind};
use crate::support::worker::worker;
use crate::support::{LONG, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// A hub whose plugins have two places, and one that takes calls.
async fn hub_and_peer() -> (Socket, Peer) {
    let mut limits = Limits::default();
    limits.max_calls = 2;
    let hub = Socket::builder().limits(limits).build();
    let peer = Peer::plugged(&hub, "peer").await;
    (hub, peer)
}

/// Makes a call whose caller waits for a second; returns its id.
async fn in_vain(hub: &Socket, peer: &mut Peer) -> u64 {
    let call = hub.call::<()>("peer", "work", &()).timeout(SECOND);
    assert!(call.await.unwrap_err().is_timeout());
    let id = peer.call().await.id;
    assert_eq!(peer.expect(kind::CANCEL).await.fields().number(), id);
    id
}

/// Whether the peer is still there after so long.
async fn lives_for(hub: &Socket, time: Duration) -> bool {
    sleep(time).await;
    hub.plugin_info("peer").is_some()
}

#[tokio::test(start_paused = true)]
async fn l26_it_is_overloaded_by_itself_and_cut_off_after_a_minute() {
    let (hub, mut peer) = hub_and_peer().await;
    plug(&hub, &worker("worker").0).await;
    let mut events = hub.events();
    in_vain(&hub, &mut peer).await;
    in_vain(&hub, &mut peer).await;
    let start = Instant::now();
    let error = hub.call::<()>("peer", "work", &()).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None });
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1), "the others go on");
    // One that waits for a place gets none.
    let waiting = tokio::spawn(hub.call::<()>("peer", "work", &()).queue().timeout(None));

    let Some(Event::Disconnected(_, reason)) = timeout(LONG, events.next()).await.unwrap() else {
        panic!("it is not cut off")
    };
    assert_eq!(reason, DisconnectReason::Unresponsive);
    assert_eq!(start.elapsed().as_secs(), 60);
    let error = waiting.await.unwrap().unwrap_err();
    assert!(error.is_disconnected() && error.execution() == brpc::Execution::Never, "{error:?}");
    assert_eq!(peer.expect(kind::GOODBYE).await.fields().number(), farewell::UNRESPONSIVE);
}

#[tokio::test(start_paused = true)]
async fn one_with_a_place_left_is_not_mute() {
    let (hub, mut peer) = hub_and_peer().await;
    in_vain(&hub, &mut peer).await;
    assert!(lives_for(&hub, LONG).await);
    in_vain(&hub, &mut peer).await;
    assert!(!lives_for(&hub, 61 * SECOND).await);
}

#[tokio::test(start_paused = true)]
async fn a_single_answer_gives_it_another_minute() {
    let (hub, mut peer) = hub_and_peer().await;
    let first = in_vain(&hub, &mut peer).await;
    in_vain(&hub, &mut peer).await;
    assert!(lives_for(&hub, 59 * SECOND).await);
    peer.reply(first, "null").await;
    settle().await;
    in_vain(&hub, &mut peer).await;
    assert!(lives_for(&hub, 59 * SECOND).await);
    assert!(!lives_for(&hub, 2 * SECOND).await);
}

#[tokio::test(start_paused = true)]
async fn one_for_which_a_caller_waits_may_take_any_time() {
    let (hub, mut peer) = hub_and_peer().await;
    in_vain(&hub, &mut peer).await;
    let job = tokio::spawn(hub.call::<u8>("peer", "work", &()).timeout(None));
    let id = peer.call().await.id;
    assert!(lives_for(&hub, LONG).await);
    peer.reply(id, "7").await;
    assert_eq!(job.await.unwrap(), Ok(7));
}

#[tokio::test(start_paused = true)]
async fn the_window_can_be_set() {
    let mut limits = Limits::default();
    (limits.max_calls, limits.answer_window) = (1, 5 * SECOND);
    let hub = Socket::builder().limits(limits).build();
    let mut peer = Peer::plugged(&hub, "peer").await;
    in_vain(&hub, &mut peer).await;
    assert!(lives_for(&hub, 4 * SECOND).await);
    assert!(!lives_for(&hub, 2 * SECOND).await);
}
