//! Settings of TLS that can't be used.

use std::path::PathBuf;

use thiserror::Error;

/// Why settings of TLS can't be used. Its text is complete, and shows nothing of a key.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TlsSettingsError {
    /// A file can't be read.
    #[error("can't read {}: {reason}", path.display())]
    #[non_exhaustive]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        reason: String,
    },
    /// What was read isn't what it should be.
    #[error("{origin} isn't {expected}: {reason}")]
    #[non_exhaustive]
    Malformed {
        /// Where it was read from.
        origin: String,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        reason: String,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {key} isn't that of the first certificate in {certificate}; expected the \
         certificate of this key first, then those between it and its CA"
    )]
    #[non_exhaustive]
    OtherKey {
        /// Where the key was read from.
        key: String,
        /// Where the certificate was read from.
        certificate: String,
    },
    /// It is no SHA-256 of a key.
    #[error(
        "{given:?} is no pin; expected the SHA-256 of the hub's public key, as 64 hexadecimal digits \
         or 44 characters of base64, as `ServerTls::pin` gives it"
    )]
    #[non_exhaustive]
    BadPin {
        /// What was given.
        given: String,
    },
    /// It is no name that a certificate can have.
    #[error(
        "a certificate can't be for {name:?}; expected a DNS name in ASCII, such as hub.example, or an \
         IP address (`ClientTls::server_name`)"
    )]
    #[non_exhaustive]
    BadServerName {
        /// The name.
        name: String,
    },
    /// The system's CAs can't be read, or there are none.
    #[error(
        "the CAs that this system trusts can't be read: {reason}; install its package of CA \
         certificates, or name a CA file (`ClientTls::ca_file`)"
    )]
    #[non_exhaustive]
    SystemRoots {
        /// What went wrong.
        reason: String,
    },
    /// They contradict each other.
    #[error("these settings of TLS can't be used: {reason}")]
    #[non_exhaustive]
    Unusable {
        /// What went wrong.
        reason: String,
    },
}

impl TlsSettingsError {
    pub(crate) fn unusable(error: &dyn ToString) -> Self {
        Self::Unusable { reason: error.to_string() }
    }
}
