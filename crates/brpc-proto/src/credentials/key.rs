//! What a plugin offers to prove.

use std::fmt;

use brpc_core::name::is_plugin_name;
use thiserror::Error;

use super::secret::Secret;

/// In a `Hello`: the plugin offers to prove that it knows a secret.
#[derive(Clone)]
pub struct Key {
    /// Which secret. Not a secret itself.
    id: String,
    /// Random, fresh for each connection.
    nonce: [u8; 32],
    /// The secret, at the plugin; a hub looks it up by the id.
    secret: Option<Secret>,
}

/// The id of a key breaks its rule.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("a key's id is 1 to 128 characters of A-Z a-z 0-9 . _ - and does not start with a dot")]
#[non_exhaustive]
pub struct KeyIdError {}

impl Key {
    /// The plugin's: it knows the secret of this id. The nonce is random, and fresh for each
    /// connection.
    ///
    /// # Errors
    /// If the id isn't one.
    pub fn new(id: impl Into<String>, secret: Secret, nonce: [u8; 32]) -> Result<Self, KeyIdError> {
        Ok(Self { secret: Some(secret), ..Self::offered(id, nonce)? })
    }

    /// The hub's: what the plugin has sent.
    pub(crate) fn offered(id: impl Into<String>, nonce: [u8; 32]) -> Result<Self, KeyIdError> {
        let id = id.into();
        if is_plugin_name(&id) { Ok(Self { id, nonce, secret: None }) } else { Err(KeyIdError {}) }
    }

    /// Which secret the plugin knows, as it says.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The random number of this connection.
    pub fn nonce(&self) -> &[u8; 32] {
        &self.nonce
    }

    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}
