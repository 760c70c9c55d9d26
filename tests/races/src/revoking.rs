//! A plugin that is let in, against the revocation of who it is.

use std::sync::Arc;

use brpc_socket::Socket;
use brpc_socket::auth::{Attempt, Authenticator, Denial, Identity, async_trait};
use shuttle::future::{block_on, spawn, yield_now};
use shuttle::rand::Rng as _;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;
use tokio::sync::watch;

use crate::explore::explore;
use crate::peer::Peer;
use crate::registration::{check_owners, live, told};

/// Knows everybody, until that is revoked.
#[derive(Clone, Default)]
struct Revocable(Arc<List>);

#[derive(Default)]
struct List {
    is_revoked: Mutex<bool>,
    changes: watch::Sender<()>,
    /// Whether it has said who somebody is.
    has_decided: AtomicBool,
}

impl Revocable {
    /// Revokes it, at any time after a decision if that is awaited.
    async fn revoke(&self, is_decision_awaited: bool) {
        while is_decision_awaited && !self.0.has_decided.load(Ordering::SeqCst) {
            yield_now().await;
        }
        *self.0.is_revoked.lock().unwrap() = true;
        self.0.changes.send_replace(());
    }

    fn is_revoked(&self) -> bool {
        *self.0.is_revoked.lock().unwrap()
    }
}

#[async_trait]
impl Authenticator for Revocable {
    async fn authenticate(&self, _: &Attempt) -> Result<Identity, Denial> {
        if self.is_revoked() {
            return Err(Denial::refused("revoked"));
        }
        yield_now().await;
        self.0.has_decided.store(true, Ordering::SeqCst);
        Ok(Identity::new("peer").plug("*"))
    }

    async fn changed(&self) {
        let _ = self.0.changes.subscribe().changed().await;
    }

    fn holds(&self, _: &Identity) -> bool {
        let is_revoked = self.is_revoked();
        // Others go on before this is told.
        thread::yield_now();
        !is_revoked
    }
}

/// Whichever comes first, nobody stays: a plugin that the hub forgot would live for ever.
#[test]
fn nobody_stays_who_is_revoked() {
    explore(|_| {
        let list = Revocable::default();
        let hub = Socket::builder().authenticator(list.clone()).build();
        let events = spawn(told(hub.events()));
        let plugin = spawn(live(Peer::dial(&hub, 1)));
        block_on(list.revoke(shuttle::rand::thread_rng().gen_range(0..2) == 0));
        let was_welcome = block_on(plugin).unwrap();
        block_on(hub.shutdown().into_future());
        let told = block_on(events).unwrap();
        check_owners(&told);
        assert_eq!(told.len(), if was_welcome { 2 } else { 0 }, "{told:?}");
        assert!(was_welcome || hub.refusals().auth_failed == 1, "{:?}", hub.refusals());
        drop(hub);
        // No task of the hub's is left in the middle of something.
        block_on(async {
            while Arc::strong_count(&list.0) > 1 {
                yield_now().await;
            }
        });
    });
}
