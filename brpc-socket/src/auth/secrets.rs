//! Plugins that know a secret, and prove it without sending it.

use std::fmt;

use async_trait::async_trait;
use brpc_core::Identity;
use brpc_proto::Secret;

use super::attempt::Attempt;
use super::authenticator::Authenticator;
use super::denial::Denial;

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
    known: Vec<(String, Secret, Identity)>,
    /// For keys that nobody knows, so that these are found out no sooner than a wrong secret.
    nobodys: Secret,
}

/// By what these identities are proved.
const BY: &str = "secret";

impl Secrets {
    /// None yet, so nobody is let in.
    ///
    /// # Panics
    /// If the system provides no random numbers.
    pub fn new() -> Self {
        let mut random = [0; 32];
        getrandom::fill(&mut random).expect("the system has random numbers");
        let nobodys = Secret::new(random).expect("32 bytes are as many as a secret may have");
        Self { known: Vec::new(), nobodys }
    }

    /// Adds a secret, by the id of the key under which plugins offer it. It proves this identity. A key
    /// may have several secrets at a time.
    #[must_use]
    pub fn add(mut self, key: impl Into<String>, secret: Secret, identity: Identity) -> Self {
        self.known.push((key.into(), secret, identity.by(BY)));
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
        let mut found = None;
        let mut is_known = false;
        for (_, secret, identity) in self.known.iter().filter(|(known, ..)| known == key) {
            is_known = true;
            if proof.is_made_with(secret) {
                found = Some(identity.clone());
            }
        }
        if !is_known {
            proof.is_made_with(&self.nobodys);
        }
        found.ok_or_else(|| {
            Denial::refused(if is_known { "a wrong proof" } else { "an unknown key" })
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.iter().map(|(key, _, identity)| (key, identity));
        f.debug_map().entries(known).finish()
    }
}
