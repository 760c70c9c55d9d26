//! Identities that hold no more.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brpc::auth::{AnyOf, Attempt, Authenticator, Denial, Identity, async_trait};
use brpc::{DisconnectReason, Event, Socket};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::{EDGE, hear_later_refusal, hear_refusal, hello, refused};
use crate::support::peer::{Hello, Peer, farewell, kind, refusal};
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
