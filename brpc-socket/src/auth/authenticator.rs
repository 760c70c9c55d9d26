//! What a user implements to say who plugins are.

use std::fmt;
use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use brpc_core::Identity;

use super::attempt::Attempt;
use super::denial::Denial;

/// Says who plugins are, and whether they still are.
///
/// Implement it with the attribute [`async_trait`](super::async_trait).
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Says who a plugin is, by what it offers.
    ///
    /// It must not block. It has until the handshake's deadline
    /// ([`Limits::hello_deadline`](crate::Limits::hello_deadline)), which covers the whole handshake;
    /// then the plugin is refused. It can be running for as many connections at once as may be in their
    /// handshake ([`max_handshakes`](crate::Builder::max_handshakes)).
    ///
    /// # Errors
    /// Why the plugin is not let in.
    ///
    /// # Panics
    /// A panic harms this attempt only: the plugin is told to retry later.
    ///
    /// # Cancel safety
    /// The hub drops this future when the connection has ended.
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial>;

    /// Waits until what it says of identities may have changed. From when this is first polled, no
    /// change may be missed; of earlier ones it need not know. The hub then asks of each identity
    /// whether it still [`holds`](Self::holds). Default: waits for ever.
    ///
    /// The hub polls it as long as it serves, one at a time, so it may also be what looks for changes:
    /// for one in a file, for instance.
    ///
    /// # Cancel safety
    /// It must be possible to drop this future at any time, and to wait anew.
    async fn changed(&self) {
        pending::<()>().await;
    }

    /// Whether an identity that it returned earlier still holds, with the same grants. If not, the
    /// plugin's connection ends within a second as [`Revoked`](crate::DisconnectReason::Revoked). It is
    /// asked after each change, and once more for each plugin that was authenticated meanwhile.
    /// It must not block. Default: it does.
    fn holds(&self, identity: &Identity) -> bool {
        let _ = identity;
        true
    }
}

#[async_trait]
impl<T: Authenticator + ?Sized> Authenticator for Arc<T> {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        (**self).authenticate(attempt).await
    }

    async fn changed(&self) {
        (**self).changed().await;
    }

    fn holds(&self, identity: &Identity) -> bool {
        (**self).holds(identity)
    }
}

impl fmt::Debug for dyn Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(..)")
    }
}
