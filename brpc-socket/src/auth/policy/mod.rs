//! A file that says who may plug in, and what each may do.

mod compile;
mod error;
mod reader;
mod rules;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use brpc_core::Identity;

pub use self::error::{PolicyError, PolicyMistake};
use self::rules::Rules;
use super::attempt::Attempt;
use super::authenticator::Authenticator;
use super::denial::Denial;
use super::watched::{ReadError, Watched};

/// Lets plugins in as a file says, in [TOML](https://toml.io): who has which credentials, and what each
/// may do.
///
/// ```toml
/// [[identity]]
/// name = "build-runners"
/// # Any of these proves it.
/// tokens = ["sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]
/// certificates = ["san:runner.example", "san:spiffe://example/runner"]
/// secrets = [{ id = "runner-key", file = "runner.secret" }]
/// uids = [1000]
/// # The names that it may take.
/// plug = ["runner-*"]
///
/// [[identity]]
/// name = "store"
/// certificates = ["sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"]
/// plug = ["store"]
/// ```
///
/// - `name`: 1 to 128 printable characters; no two identities have the same.
/// - `tokens`: hashes, as [`TokenHash`](super::TokenHash) prints them, and never tokens themselves.
/// - `certificates`: `san:` and a DNS name or URI (with a colon) that a client certificate is for, or
///   `sha256:` and the fingerprint of one. The hub's TLS must have verified it. Needs the feature `tls`
///   or `tls-ring`.
/// - `secrets`: the id of a key, and the file that has its secret, of 16 to 1,024 random bytes; a relative
///   path is one beside the policy. A key may have several secrets.
/// - `uids`: users of this host, who dial in over a Unix socket.
/// - `plug`: patterns of names that it may take. One at least: whoever may take no name is refused, so an
///   identity without one would be of no use, and is taken for a mistake.
/// - `call` (as `[{ plugins = "store-*", methods = "get*" }]`), `observe` (as `["store-*"]`) and `operate`
///   (`true`): further [`Grants`](super::Grants), which no call asks for yet.
///
/// One that lets in nobody says `identity = []`; an empty file is a mistake.
///
/// A credential proves one identity only. If a plugin offers several, the first one that proves somebody
/// counts: its token, its secret, its certificate, its user.
///
/// While the hub serves, the file and those of its secrets are looked at four times a second, and all are
/// read again if one has changed. Connections of an identity that is gone, that has lost the credential
/// by which it was let in, or that may do less than before end within a second
/// ([`Revoked`](crate::DisconnectReason::Revoked)); a plugin that may do more gets that when it
/// dials again. A new file that can't be read, or has a mistake, changes nothing, and is logged as an
/// error once. Replace the file by renaming another one over it, so that it is never seen half written.
pub struct Policy(Watched<Rules, PolicyMistake>);

impl Policy {
    /// Loads the policy in a file, and the secrets that it names. It blocks while it reads.
    ///
    /// # Errors
    /// If the file can't be read, or has a mistake.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PolicyError> {
        let path = path.as_ref();
        let beside = path.parent().map(Path::to_owned).unwrap_or_default();
        let watched =
            Watched::open(path, move |text, files| compile::compile(text, &beside, files));
        watched.map(Self).map_err(|error| match error {
            ReadError::Io(error) => PolicyError::Read { path: path.to_owned(), error },
            ReadError::Invalid(mistake) => PolicyError::Invalid { path: path.to_owned(), mistake },
        })
    }
}

#[async_trait]
impl Authenticator for Policy {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        self.0.current().authenticate(attempt).await
    }

    async fn changed(&self) {
        self.0.changed().await;
    }

    fn holds(&self, identity: &Identity) -> bool {
        self.0.current().hold(identity)
    }
}

/// Its file.
impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Policy").field(&self.0).finish()
    }
}
