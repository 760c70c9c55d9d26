//! A plugin that is let in, against the revocation of who it is.

use std::sync::Arc;

use brpc_socket::Socket;
use brpc_socket::auth::{Attempt, Authenticator, Denial, Identity, async_trait};
use shuttle::future::{block_on, spawn, yield_now};
use shuttle::sync::Mutex;
use tokio::sync::watch;

use crate::explore::explore;
use crate::peer::Peer;
use crate::registration::{check_owners, live, told};

/// Knows everybody, until that is revoked.
#[derive(Clone)]
struct Revocable(Arc<(Mutex<bool>, watch::Sender<()>)>);

impl Revocable {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(false), watch::Sender::new(()))))
    }

    fn revoke(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.send_replace(());
    }

    fn is_revoked(&self) -> bool {
        *self.0.0.lock().unwrap()
    }
}

#[async_trait]
impl Authenticator for Revocable {
    async fn authenticate(&self, _: &Attempt) -> Result<Identity, Denial> {
        if self.is_revoked() {
            return Err(Denial::refused("revoked"));
        }
        yield_now().await;
        Ok(Identity::new("peer").plug("*"))
    }

    async fn changed(&self) {
        let _ = self.0.1.subscribe().changed().await;
    }

    fn holds(&self, _: &Identity) -> bool {
        !self.is_revoked()
    }
}

/// Whichever comes first, nobody stays: a plugin that the hub forgot would live for ever.
#[test]
fn nobody_stays_who_is_revoked() {
    explore(|_| {
        let list = Revocable::new();
        let hub = Socket::builder().authenticator(list.clone()).build();
        let events = spawn(told(hub.events()));
        let plugin = spawn(live(Peer::dial(&hub, 1)));
        list.revoke();
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
