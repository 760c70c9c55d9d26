//! The wires that a peer may speak.

use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;

/// What a peer speaks, as far as its first bytes tell. Plugins speak [`Native`](Self::Native) or
/// [`Gob`](Self::Gob); the hub refuses all others, and counts them.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// The protocol of this crate.
    #[default]
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
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(crate) fn is_native(&self) -> bool {
        *self == Self::Native
    }

    /// How its peers write JSON.
    #[doc(hidden)]
    pub fn dialect(self) -> Dialect {
        if self == Self::Gob { Dialect::Go } else { Dialect::Serde }
    }
}
