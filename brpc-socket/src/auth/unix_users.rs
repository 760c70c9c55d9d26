//! Plugins of users of this host.

use std::collections::HashMap;

use async_trait::async_trait;
use brpc_core::Identity;

use super::attempt::Attempt;
use super::authenticator::Authenticator;
use super::denial::Denial;

/// Lets plugins in that dial in over a Unix socket, by the user that they run as. The system says who
/// that is, so a plugin needs no credential.
///
/// Which users these are is said once: there is nothing to read again, and their identities hold as long as
/// the hub lives. To revoke one while it serves, list users in a policy (with the feature `policy`), or
/// implement [`Authenticator`] with what tells you of it.
#[derive(Clone, Debug, Default)]
pub struct UnixUsers {
    users: HashMap<u32, Identity>,
    /// For the user that the hub runs as.
    same: Option<Identity>,
}

/// By what these identities are proved.
const BY: &str = "uid";

impl UnixUsers {
    /// None yet, so nobody is let in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plugins of the user with this number have this identity.
    #[must_use]
    pub fn user(mut self, uid: u32, identity: Identity) -> Self {
        self.users.insert(uid, identity.by(BY));
        self
    }

    /// Plugins of the user that the hub runs as have this identity.
    #[must_use]
    pub fn same_user(mut self, identity: Identity) -> Self {
        self.same = Some(identity.by(BY));
        self
    }
}

#[async_trait]
impl Authenticator for UnixUsers {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let Some(peer) = attempt.unix_peer() else {
            return Err(Denial::not_offered("not over a Unix socket"));
        };
        let known = self.users.get(&peer.uid);
        let same = || self.same.as_ref().filter(|_| own_uid() == Some(peer.uid));
        let known = known.or_else(same).cloned();
        known.ok_or_else(|| Denial::refused("an unknown user"))
    }
}

/// The user that this process runs as; the system says so of its own sockets, too.
#[cfg(unix)]
fn own_uid() -> Option<u32> {
    let (socket, _) = tokio::net::UnixStream::pair().ok()?;
    socket.peer_cred().ok().map(|peer| peer.uid())
}

#[cfg(not(unix))]
fn own_uid() -> Option<u32> {
    None
}
