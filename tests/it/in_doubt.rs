//! Whether the plugin lives that has a name which another one asks for.

use std::future::IntoFuture as _;
use std::time::Duration;

use brpc::testing::Link;
use brpc::{DisconnectReason, EndReason, Plugin, Socket};
use tokio::time::{Instant, sleep};

use crate::support::peer::{Hello, Peer, Writer, farewell, kind, refusal};
use crate::support::worker::{Worker, worker};
use crate::support::{plug, settle};

/// How long the holder of a name has for a sign of life.
const PATIENCE: Duration = Duration::from_secs(2);

/// A plugin that has heartbeats.
fn holder() -> Hello<'static> {
    Hello::new("peer").instance(1).heartbeats()
}

/// Another plugin of that name, which has said Hello. It needs not describe itself.
async fn candidate(hub: &Socket) -> Peer {
    let mut peer = Peer::dial(hub);
    peer.say_hello(&Hello::new("peer").instance(2)).await;
    settle().await;
    peer
}

impl Peer {
    /// What the hub says to it, with its own preface.
    async fn decision(&mut self) -> u8 {
        self.hear_preface().await;
        assert_eq!(self.expect(kind::ACCEPTED).await.body, [0]);
        self.frame().await.unwrap().kind
    }

    async fn pong(&mut self) {
        let ping = self.expect(kind::PING).await.fields().number();
        self.send_frame(kind::PONG, &Writer::default().number(ping).number(0).number(0).0).await;
    }
}

/// A plugin whose network goes.
async fn plug_through(hub: &Socket, link: &Link, plugin: &Plugin<Worker>) -> EndReason {
    let (ours, theirs) = link.connect();
    hub.attach(theirs);
    plugin.serve(ours).await.unwrap().run().await
}

/// A machine is gone, and another one takes its place, with a plugin of the same name.
#[tokio::test(start_paused = true)]
async fn h20_one_that_gives_no_sign_is_replaced() {
    let (hub, link) = (Socket::default(), Link::new());
    let old = tokio::spawn({
        let (hub, link, plugin) = (hub.clone(), link.clone(), worker("worker").0);
        async move { plug_through(&hub, &link, &plugin).await }
    });
    hub.wait_for("worker", PATIENCE).await.unwrap();
    link.stall();
    let call = tokio::spawn(hub.call::<u8>("worker", "echo", &1));
    settle().await;
    let start = Instant::now();
    let _new = plug(&hub, &worker("worker").0).await;
    assert_eq!(start.elapsed().as_secs(), PATIENCE.as_secs());
    assert!(call.await.unwrap().unwrap_err().to_string().contains("took the plugin's name over"));
    assert_eq!(hub.call::<u8>("worker", "echo", &2).await, Ok(2));
    link.resume();
    assert_eq!(old.await.unwrap(), EndReason::Lost(DisconnectReason::Replaced));
}

#[tokio::test(start_paused = true)]
async fn h20_one_that_lives_keeps_its_name() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    settle().await;
    let start = Instant::now();
    let mut candidate = Peer::dial(&hub);
    candidate.say_hello(&Hello::new("worker")).await;
    candidate.hear_preface().await;
    candidate.expect(kind::ACCEPTED).await;
    candidate.send_frame(kind::DESCRIBE, &crate::support::peer::DESCRIPTION).await;
    assert_eq!(candidate.refused_after_preface().await, refusal::NAME_TAKEN);
    assert_eq!(start.elapsed().as_secs(), 0);
    journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn whatever_it_says_is_a_sign() {
    for answer in [kind::PONG, kind::EVENT] {
        let hub = Socket::default();
        let mut peer = Peer::plugged_as(&hub, &holder()).await;
        let mut candidate = candidate(&hub).await;
        sleep(Duration::from_millis(1_990)).await;
        match answer {
            kind::PONG => peer.pong().await,
            _ => peer.send_frame(kind::EVENT, b"1").await,
        }
        assert_eq!(candidate.decision().await, kind::REFUSED);
        assert_eq!(hub.connected()[0].generation(), 1);
    }
}

/// A plugin takes only so many heartbeats, and ends the connection at a flood of them.
#[tokio::test(start_paused = true)]
async fn it_is_asked_once_a_second_whoever_asks_for_its_name() {
    let hub = Socket::default();
    let mut peer = Peer::plugged_as(&hub, &holder()).await;
    for _ in 0..3 {
        let mut candidates = Vec::new();
        for _ in 0..40 {
            candidates.push(candidate(&hub).await);
        }
        settle().await;
        peer.pong().await;
        for _ in 0..40 {
            candidates.push(candidate(&hub).await);
        }
        for mut candidate in candidates {
            assert_eq!(candidate.decision().await, kind::REFUSED);
        }
        sleep(Duration::from_secs(1)).await;
    }
    hub.unplug("peer").grace(Duration::ZERO).await.unwrap();
    // Nothing else was said to it.
    while let Some(frame) = peer.frame().await {
        assert_ne!(frame.kind, kind::PING);
    }
}

/// Silent ones are asked again each second, and not for each candidate; one of these gets the name.
#[tokio::test(start_paused = true)]
async fn one_of_many_gets_the_name_of_a_dead_one() {
    let hub = Socket::default();
    let mut peer = Peer::plugged_as(&hub, &holder()).await;
    let mut candidates = Vec::new();
    for instance in 2..40 {
        let mut candidate = Peer::dial(&hub);
        candidate.say_hello(&Hello::new("peer").instance(instance)).await;
        candidates.push(candidate);
    }
    let mut welcome = 0;
    for mut candidate in candidates {
        match candidate.decision().await {
            kind::WELCOME => welcome += 1,
            refused => assert_eq!(refused, kind::REFUSED),
        }
    }
    assert_eq!(welcome, 1);
    assert_eq!(peer.expect(kind::PING).await.fields().number(), 1);
    assert_eq!(peer.expect(kind::GOODBYE).await.fields().number(), farewell::REPLACED);
}

#[tokio::test(start_paused = true)]
async fn the_name_of_one_that_goes_meanwhile_is_free() {
    let hub = Socket::default();
    let mut peer = Peer::plugged_as(&hub, &holder()).await;
    let mut candidate = candidate(&hub).await;
    peer.expect(kind::PING).await;
    let start = Instant::now();
    sleep(Duration::from_millis(500)).await;
    drop(peer);
    assert_eq!(candidate.decision().await, kind::WELCOME);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_goes_meanwhile_replaces_nobody() {
    let hub = Socket::default();
    let mut peer = Peer::plugged_as(&hub, &holder()).await;
    drop(candidate(&hub).await);
    peer.expect(kind::PING).await;
    sleep(2 * PATIENCE).await;
    assert_eq!(hub.connected()[0].generation(), 1);
    peer.send_frame(kind::EVENT, b"1").await;
    sleep(2 * PATIENCE).await;
    assert_eq!(hub.connected()[0].generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_shuts_down_meanwhile_gives_the_name_to_nobody() {
    let hub = Socket::default();
    let mut peer = Peer::plugged_as(&hub, &holder()).await;
    let mut candidate = candidate(&hub).await;
    let shutdown = hub.shutdown().grace(2 * PATIENCE).into_future();
    let shutdown = tokio::spawn(shutdown);
    peer.expect(kind::PING).await;
    peer.expect(kind::RETURN).await;
    peer.expect(kind::DRAIN).await;
    assert_eq!(candidate.decision().await, kind::REFUSED);
    let report = shutdown.await.unwrap();
    assert_eq!(report.plugins.len(), 1);
    assert_eq!(report.plugins[0].reason, DisconnectReason::ShutdownForced);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_unplugged_meanwhile_is_replaced_when_it_stays_silent() {
    let hub = Socket::default();
    let _peer = Peer::plugged_as(&hub, &holder()).await;
    let mut candidate = candidate(&hub).await;
    let unplug = tokio::spawn(hub.unplug("peer").into_future());
    assert_eq!(candidate.decision().await, kind::WELCOME);
    let report = unplug.await.unwrap().unwrap();
    assert_eq!(report.reason, DisconnectReason::Replaced);
    assert_eq!(hub.connected()[0].generation(), 2, "it is not unplugged");
}
