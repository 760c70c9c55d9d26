//! The public keys of who issues JWTs.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::{PemObject as _, SectionKind};

use super::error::{InvalidJwtKeys, JwtKeysError};
use super::key::Key;
use crate::auth::known::Known;
use crate::auth::watched::ReadError;

/// The public keys of who issues [JWTs](super::Jwt): one to 16, as PEM (`-----BEGIN PUBLIC KEY-----`).
/// Each verifies with one algorithm only, which follows from its kind and never from the token: Ed25519
/// with `EdDSA`, P-256 with `ES256`, and RSA of 2,048 to 8,192 bits with `RS256`.
///
/// There may be several at a time, so that they can be rotated: add the new one, let the issuer sign with
/// it, remove the old one when the last token that it signed has expired. In a file that needs no
/// restart.
#[derive(Debug)]
pub struct JwtKeys {
    known: Known<Vec<Key>, InvalidJwtKeys>,
    id: Option<String>,
}

impl JwtKeys {
    /// The most keys in one file, since each may have to be tried for each token.
    const MAX: usize = 16;

    /// The keys in this PEM.
    ///
    /// # Errors
    /// If there are none, or one can't be used.
    pub fn pem(pem: &[u8]) -> Result<Self, JwtKeysError> {
        let invalid = |problem| JwtKeysError::Invalid { from: "the bytes".to_owned(), problem };
        Ok(Self { known: Known::always(keys(pem).map_err(invalid)?), id: None })
    }

    /// The keys in a file, which is looked at four times a second while the hub serves, and read again
    /// when it changes. Connections that were let in by a token of a key that is gone end
    /// ([`Revoked`](crate::DisconnectReason::Revoked)). To revoke the last one, leave a line that begins
    /// with `#`. A new file that can't be read, is empty or has a mistake changes nothing, and is logged
    /// as an error.
    ///
    /// # Errors
    /// If the file can't be read, if there are no keys in it, or if one can't be used.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, JwtKeysError> {
        let path = path.as_ref();
        let known = Known::file(path, keys_or_comment, InvalidJwtKeys::None);
        let known = known.map_err(|error| match error {
            ReadError::Io(error) => JwtKeysError::Read { path: path.to_owned(), error },
            ReadError::Invalid(problem) => {
                JwtKeysError::Invalid { from: path.display().to_string(), problem }
            }
        })?;
        Ok(Self { known, id: None })
    }

    /// The id under which the issuer names them in its tokens (`kid`). Default: none. A token that has an
    /// id is verified with keys of that id and with those that have none, and one that has no id with
    /// all.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The keys as they are now.
    pub(super) fn current(&self) -> Arc<Vec<Key>> {
        self.known.current()
    }

    /// Whether a token with this id may be of them.
    pub(super) fn may_be(&self, id: Option<&str>) -> bool {
        self.id.as_deref().is_none_or(|own| id.is_none_or(|id| own == id))
    }

    /// Waits until the keys may have changed.
    pub(super) async fn changed(&self) {
        self.known.changed().await;
    }
}

/// The public keys in a file; none if it has only a comment: whoever leaves that means it.
fn keys_or_comment(text: &str) -> Result<Vec<Key>, InvalidJwtKeys> {
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    match keys(text.as_bytes()) {
        // One that has begun may be still being written.
        Err(InvalidJwtKeys::None) if !text.contains("-----") && text.lines().any(is_comment) => {
            Ok(Vec::new())
        }
        keys => keys,
    }
}

/// The public keys in PEM.
fn keys(pem: &[u8]) -> Result<Vec<Key>, InvalidJwtKeys> {
    let mut keys = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        // An error of the parser may quote a line, and that may be of a private key.
        let (kind, der) = section.map_err(|_| InvalidJwtKeys::Malformed)?;
        match kind {
            SectionKind::PublicKey => {
                let number = keys.len() + 1;
                if number > JwtKeys::MAX {
                    return Err(InvalidJwtKeys::TooMany { limit: JwtKeys::MAX });
                }
                keys.push(Key::new(&der).map_err(|bad| bad.at(number))?);
            }
            SectionKind::PrivateKey | SectionKind::EcPrivateKey | SectionKind::RsaPrivateKey => {
                return Err(InvalidJwtKeys::Private);
            }
            SectionKind::Certificate => return Err(InvalidJwtKeys::Certificate),
            // Of no meaning here.
            _ => {}
        }
    }
    if keys.is_empty() { Err(InvalidJwtKeys::None) } else { Ok(keys) }
}
