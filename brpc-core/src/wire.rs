//! The wires that a peer may speak.

use crate::dialect::Dialect;

/// What a peer speaks, as far as its first bytes tell. Plugins speak [`Native`](Self::Native) or
/// [`Gob`](Self::Gob); the hub refuses all others, and counts them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Wire {
    /// The protocol of this crate.
    Native,
    /// The `encoding/gob` of the Go package `easysy/brpc`.
    Gob,
    /// TLS.
    Tls,
    /// HTTP, of version 1 or 2.
    Http,
    /// JSON, an object first.
    Json,
    /// SSH.
    Ssh,
    /// None of these.
    Unknown,
}

impl Wire {
    /// How its peers write JSON.
    #[doc(hidden)]
    pub fn dialect(self) -> Dialect {
        if self == Self::Gob { Dialect::Go } else { Dialect::Serde }
    }
}
