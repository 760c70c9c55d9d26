//! Plugins that know a secret, and prove it without sending it.

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use brpc_core::Identity;
use brpc_proto::Secret;

use super::attempt::Attempt;
use super::authenticator::Authenticator;
use super::denial::Denial;
use super::known::Known;
use super::secret_file::{InvalidSecrets, KnownSecret, SecretsError, secrets};
use super::watched::ReadError;

/// Lets plugins in that prove that they know a secret. The hub sends a random number, and the plugin
/// answers with a code of that number, of its own Hello and of the secret; so nobody who listens can
/// use what they hear, even without TLS.
///
/// ```
/// use brpc_socket::auth::{Identity, Secret, Secrets};
/// # fn example(bytes: Vec<u8>) -> Result<Secrets, brpc_socket::auth::SecretError> {
/// let edge = Identity::new("edge-7").plug("edge-7");
/// let secrets = Secrets::new().add("edge-7", Secret::new(bytes)?, edge);
/// # Ok(secrets)
/// # }
/// ```
///
/// Each costs a round trip more than a token. It says nothing of what is sent later: without TLS,
/// whoever stands in between can change that.
pub struct Secrets {
    added: Vec<KnownSecret>,
    /// Those in a file.
    filed: Known<Vec<KnownSecret>, InvalidSecrets>,
    /// For keys that nobody knows, so that these are found out no sooner than a wrong secret.
    nobodys: Secret,
}

impl Secrets {
    /// None yet, so nobody is let in.
    ///
    /// # Panics
    /// If the system provides no random numbers.
    pub fn new() -> Self {
        let mut random = [0; 32];
        getrandom::fill(&mut random).expect("the system has random numbers");
        let nobodys = Secret::new(random).expect("32 bytes are as many as a secret may have");
        Self { added: Vec::new(), filed: Known::always(Vec::new()), nobodys }
    }

    /// The secrets in a file: each line has the id of a key and its secret, which is a text without white
    /// space, as `openssl rand -hex 32` makes it; a line that begins with `#` is a comment. Each key is an
    /// identity of its own: its id is the identity's name, and the only name that it may take. For others,
    /// [`add`](Self::add) them yourself, or write a policy (with the feature `policy`).
    ///
    /// The file is looked at four times a second while the hub serves. A key may have two lines while its
    /// secret is rotated; connections that were let in by a secret that is gone end
    /// ([`Revoked`](crate::DisconnectReason::Revoked)). A new file that can't be read, has a mistake
    /// or is empty changes nothing, and is logged as an error; to revoke the last one, leave a comment.
    ///
    /// # Errors
    /// If the file can't be read, if there is no secret in it, or if a line breaks its rule.
    ///
    /// # Panics
    /// If the system provides no random numbers.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, SecretsError> {
        let path = path.as_ref();
        let filed = Known::file(path, secrets, InvalidSecrets::None);
        let filed = filed.map_err(|error| match error {
            ReadError::Io(error) => SecretsError::Read { path: path.to_owned(), error },
            ReadError::Invalid(problem) => SecretsError::Invalid { path: path.to_owned(), problem },
        })?;
        Ok(Self { filed, ..Self::new() })
    }

    /// Adds a secret, by the id of the key under which plugins offer it. It proves this identity, for as
    /// long as the hub lives. A key may have several secrets at a time.
    #[must_use]
    pub fn add(mut self, key: impl Into<String>, secret: Secret, identity: Identity) -> Self {
        self.added.push(KnownSecret::new(key, secret, identity));
        self
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Authenticator for Secrets {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let Some(key) = attempt.key_id() else { return Err(Denial::not_offered("no key")) };
        let Some(proof) = attempt.prove().await else {
            return Err(Denial::not_offered("no proof"));
        };
        let (mut found, mut is_known) = (None, false);
        let filed = self.filed.current();
        for known in self.added.iter().chain(&*filed).filter(|known| known.key == key) {
            is_known = true;
            if proof.is_made_with(&known.secret) {
                found = Some(known.identity.clone());
            }
        }
        if !is_known {
            proof.is_made_with(&self.nobodys);
        }
        found.ok_or_else(|| {
            Denial::refused(if is_known { "a wrong proof" } else { "an unknown key" })
        })
    }

    async fn changed(&self) {
        self.filed.changed().await;
    }

    fn holds(&self, identity: &Identity) -> bool {
        let known = |known: &KnownSecret| {
            known.identity.name() == identity.name()
                && known.identity.credential_digest() == identity.credential_digest()
        };
        self.added.iter().any(known) || self.filed.current().iter().any(known)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filed = self.filed.current();
        let known = self.added.iter().chain(&*filed).map(|known| (&known.key, &known.identity));
        f.debug_map().entries(known).finish()
    }
}
