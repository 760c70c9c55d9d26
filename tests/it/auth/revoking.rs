//! Identities that hold no more.

use std::collections::HashSet;
use std::future::IntoFuture as _;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use brpc::auth::{AnyOf, Attempt, Authenticator, Denial, Identity, async_trait};
use brpc::{DisconnectReason, Event, Socket};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::audit::decisions;
use super::{EDGE, dial_from, hear_later_refusal, hear_refusal, hello, refused};
use crate::support::peer::{Hello, Peer, farewell, kind, refusal};
use crate::support::traced::trace;
use crate::support::{eventually, settle};

/// Knows everybody, by the name that they ask for, but those that are revoked.
#[derive(Clone)]
struct List(Arc<Shared>);

struct Shared {
    revoked: Mutex<HashSet<String>>,
    changes: watch::Sender<()>,
    /// Lets who asks for `slow` go on.
    gate: Semaphore,
}

impl List {
    fn new() -> Self {
        let (revoked, changes) = (Mutex::default(), watch::Sender::new(()));
        Self(Arc::new(Shared { revoked, changes, gate: Semaphore::new(0) }))
    }

    fn revoke(&self, name: &str) {
        self.0.revoked.lock().unwrap().insert(name.to_owned());
        self.0.changes.send_replace(());
    }

    fn is_revoked(&self, name: &str) -> bool {
        self.0.revoked.lock().unwrap().contains(name)
    }
}

#[async_trait]
impl Authenticator for List {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        if self.is_revoked(attempt.name()) {
            return Err(Denial::refused("revoked"));
        }
        if attempt.name() == "slow" {
            // It has decided, and is revoked before it says so.
            self.0.gate.acquire().await.unwrap().forget();
        }
        Ok(Identity::new(attempt.name()).plug("*"))
    }

    async fn changed(&self) {
        let _ = self.0.changes.subscribe().changed().await;
    }

    fn holds(&self, identity: &Identity) -> bool {
        !self.is_revoked(identity.name())
    }
}

/// Waits until this connection ends because of that, and nothing else.
async fn hear_revocation(mut peer: Peer) {
    let goodbye = peer.expect(kind::GOODBYE).await;
    assert_eq!(goodbye.fields().number(), farewell::REVOKED);
    assert_eq!(peer.frame().await, None);
}

#[tokio::test(start_paused = true)]
async fn who_is_revoked_is_cut_off_and_nobody_else() {
    let list = List::new();
    let hub = Socket::builder().authenticator(list.clone()).build();
    let mut events = hub.events();
    let edge = Peer::plugged_as(&hub, &hello("edge", EDGE)).await;
    let _store = Peer::plugged_as(&hub, &hello("store", EDGE)).await;
    let start = Instant::now();
    list.revoke("edge");
    hear_revocation(edge).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    let end = loop {
        if let Event::Disconnected(plugin, reason) = events.next().await.unwrap() {
            break (plugin.name().to_owned(), reason);
        }
    };
    assert_eq!(end, ("edge".to_owned(), DisconnectReason::Revoked));
    assert_eq!(hub.connected()[0].name(), "store");
    assert_eq!(refused(&hub, &hello("edge", EDGE)).await.code, refusal::AUTH_FAILED);
}

/// One after the other, and many at once.
#[tokio::test(start_paused = true)]
async fn each_of_many_changes_is_found() {
    let list = List::new();
    // Behind another one, which knows nobody.
    let any = AnyOf::new().or(brpc::auth::Secrets::new()).or(list.clone());
    let hub = Socket::builder().authenticator(any).build();
    let names: Vec<_> = (0..20).map(|number| format!("edge-{number}")).collect();
    let mut peers = Vec::new();
    for name in &names {
        peers.push(Peer::plugged_as(&hub, &Hello::new(name)).await);
    }
    for name in &names[..10] {
        list.revoke(name);
        eventually(|| !hub.connected().iter().any(|plugin| plugin.name() == name)).await;
    }
    for name in &names[10..] {
        assert!(hub.connected().iter().any(|plugin| plugin.name() == name));
        list.revoke(name);
    }
    sleep(Duration::from_secs(1)).await;
    assert!(hub.connected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_revoked_while_it_is_looked_at_is_not_let_in() {
    let list = List::new();
    let hub = Socket::builder().authenticator(list.clone()).build();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&hello("slow", EDGE)).await;
    settle().await;
    list.revoke("slow");
    sleep(Duration::from_secs(1)).await;
    list.0.gate.add_permits(1);
    assert_eq!(hear_refusal(peer).await.code, refusal::AUTH_FAILED);
    assert!(hub.connected().is_empty());
}

/// It is accepted, and has not described itself yet.
#[tokio::test(start_paused = true)]
async fn one_that_is_revoked_in_its_handshake_is_refused() {
    let list = List::new();
    let hub = Socket::builder().authenticator(list.clone()).build();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&hello("edge", EDGE)).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    list.revoke("edge");
    assert_eq!(hear_later_refusal(peer).await.code, refusal::AUTH_FAILED);
    assert!(hub.connected().is_empty());
}

/// However often the hub looks while the plugin takes its time to go.
#[tokio::test(start_paused = true)]
async fn who_is_revoked_is_logged_once() {
    trace();
    let list = List::new();
    let hub = Socket::builder().authenticator(list.clone()).build();
    let (begun, full) = ("198.51.100.60", "198.51.100.61");
    let mut in_handshake = Peer::new(dial_from(&hub, begun));
    in_handshake.say_hello(&hello("edge-1", EDGE)).await;
    in_handshake.hear_preface().await;
    in_handshake.expect(kind::ACCEPTED).await;
    let mut edge = Peer::new(dial_from(&hub, full));
    edge.say_hello(&hello("edge-2", EDGE)).await;
    edge.hear_welcome().await;
    // It reads no more, so what the hub says stays on its way.
    let _call = tokio::spawn(hub.call::<u8>("edge-2", "work", &"x".repeat(900_000)).into_future());
    sleep(Duration::from_millis(110)).await;
    for name in ["edge-1", "edge-2", "another", "and another"] {
        list.revoke(name);
        sleep(Duration::from_millis(110)).await;
    }
    for address in [begun, full] {
        let lines = decisions(address);
        assert!(lines.len() == 2 && lines[0].contains("\"allowed\""), "{lines:?}");
        assert!(lines[1].contains("\"revoked\""), "{lines:?}");
    }
    assert!(hub.connected().is_empty());
    assert_eq!(hear_later_refusal(in_handshake).await.code, refusal::AUTH_FAILED);
}

/// A hub that has shut down looks on when it serves again, and as long as somebody has it.
#[tokio::test(start_paused = true)]
async fn a_hub_that_serves_again_looks_for_changes_again() {
    let list = List::new();
    let hub = Socket::builder().authenticator(list.clone()).build();
    drop(Peer::plugged_as(&hub, &hello("edge", EDGE)).await);
    hub.shutdown().await;
    eventually(|| list.0.changes.receiver_count() == 0).await;
    let edge = Peer::plugged_as(&hub, &hello("edge", EDGE)).await;
    list.revoke("edge");
    hear_revocation(edge).await;
    drop(hub);
    eventually(|| list.0.changes.receiver_count() == 0).await;
}

/// Knows everybody. When it is first asked whether somebody still is, they are at that moment, and
/// no more when it answers.
#[derive(Clone, Default)]
struct Turning(Arc<(Mutex<u32>, Condvar, Notify)>);

#[async_trait]
impl Authenticator for Turning {
    async fn authenticate(&self, _: &Attempt) -> Result<Identity, Denial> {
        Ok(Identity::new("edge").plug("*"))
    }

    async fn changed(&self) {
        self.0.2.notified().await;
    }

    fn holds(&self, _: &Identity) -> bool {
        let (asked, again, _) = &*self.0;
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        again.notify_all();
        let is_first = *asked == 1;
        if is_first {
            // By another thread, since a worker first runs itself whom it wakes.
            let shared = self.0.clone();
            std::thread::spawn(move || shared.2.notify_one());
            // Until whoever revokes has asked, if anybody does.
            drop(again.wait_timeout_while(asked, Duration::from_millis(500), |asked| *asked == 1));
        }
        is_first
    }
}

/// First what it is, and then that it is no more, whoever is quicker.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn one_that_is_revoked_as_it_is_let_in_is_logged_in_that_order() {
    trace();
    let hub = Socket::builder().authenticator(Turning::default()).build();
    let mut peer = Peer::new(dial_from(&hub, "198.51.100.63"));
    peer.say_hello(&hello("edge", EDGE)).await;
    assert_eq!(hear_refusal(peer).await.code, refusal::AUTH_FAILED);
    eventually(|| decisions("198.51.100.63").len() == 2).await;
    let lines = decisions("198.51.100.63");
    assert!(lines[0].contains("\"allowed\"") && lines[1].contains("\"revoked\""), "{lines:?}");
}
