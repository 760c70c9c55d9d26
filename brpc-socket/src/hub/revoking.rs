//! Ends the connections of those who are not who they were any more.

use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use brpc_core::{DisconnectReason, Identity, Refusal, RefusalCode};
use brpc_rt::foreign::{contain, contained, shielded};
use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Hub;
use super::link::PluginLink;
use crate::auth::{Authenticator, audit};

/// The task that waits for changes of what a hub's authenticator says.
#[derive(Debug, Default)]
pub(crate) struct Revoking {
    /// Ends it, or fires when it has ended.
    running: Mutex<Option<CancellationToken>>,
}

/// How long to wait at least between two looks at all connections, whatever the authenticator says.
const PAUSE: Duration = Duration::from_millis(100);

impl Revoking {
    /// Lets it run, as long as the hub serves.
    pub(crate) fn begin(&self, hub: &Arc<Hub>) {
        let Some(authenticator) = hub.config().authenticator.clone() else { return };
        let mut running = self.running.lock();
        if running.as_ref().is_some_and(|running| !running.is_cancelled()) {
            return;
        }
        let stop = CancellationToken::new();
        *running = Some(stop.clone());
        drop(running);
        let hub = Arc::downgrade(hub);
        brpc_rt::spawn(async move {
            // A task that is dropped with its runtime is replaced by the next one.
            let _ended = stop.clone().drop_guard();
            tokio::select! {
                biased;
                () = shielded(stop.cancelled()) => {}
                () = watch(&hub, &*authenticator) => {}
            }
        });
    }

    /// Ends it.
    pub(crate) fn end(&self) {
        let running = self.running.lock().take();
        // Without the lock: this wakes a task.
        running.iter().for_each(CancellationToken::cancel);
    }
}

/// Looks at all connections after each change, until the hub is gone.
async fn watch(hub: &Weak<Hub>, authenticator: &dyn Authenticator) {
    let mut is_first = true;
    loop {
        let mut changed = std::pin::pin!(contained(authenticator.changed()));
        // From here on no change is missed; those before are found now.
        let mut is_changed = futures_util::poll!(changed.as_mut());
        let Some(there) = hub.upgrade() else { return };
        there.revoke(authenticator);
        drop(there);
        if !std::mem::replace(&mut is_first, false) {
            sleep(PAUSE).await;
        }
        if is_changed.is_pending() {
            is_changed = Poll::Ready(changed.await);
        }
        if let Poll::Ready(Err(panic)) = is_changed {
            tracing::error!(?panic, "the authenticator panicked where it waits for changes");
        }
    }
}

impl Hub {
    /// Ends the connections of those who are not who they were any more.
    fn revoke(&self, authenticator: &dyn Authenticator) {
        for link in self.connections() {
            let Some(identity) = link.identity() else { continue };
            if !holds(authenticator, identity) {
                revoke(&link, identity);
            }
        }
    }
}

/// Ends the connection of one who is not who it was any more, once.
pub(crate) fn revoke(link: &PluginLink, identity: &Identity) {
    if !link.begin_revoking() {
        return;
    }
    audit::revoked(link, identity);
    // In its handshake it is refused; then the end is not another one.
    let message = "what this plugin was let in for was revoked";
    link.refuse(Refusal::new(RefusalCode::AuthFailed, message));
    link.close(DisconnectReason::Revoked);
}

/// Whether an identity holds. While its authenticator panics, it does.
pub(crate) fn holds(authenticator: &dyn Authenticator, identity: &Identity) -> bool {
    contain(|| authenticator.holds(identity)).unwrap_or_else(|panic| {
        tracing::error!(?panic, "the authenticator panicked where it was asked about an identity");
        true
    })
}
