//! TLS for the connections of brpc: settings of a hub and of a plugin, the stream, the errors.
//!
//! All that brpc knows of rustls is here. No type of it is in a signature, so that another version of
//! it, or another library, changes no user's code. The provider of cryptography is always passed
//! explicitly: aws-lc-rs with the feature `aws-lc-rs`, else ring. So two providers in one program are
//! no mistake.
//!
//! ```text
//!    server   client            settings: a configuration for each handshake, which goes on in `stream`
//!    pinned   roots   own       whom this side trusts, and who it is
//!    watched  source  pem       what is read from files, again when they change
//!    stream   metered  report   the stream; how long its handshake may be; what its owner gets to know
//!    error    certificate       why it failed, in words; who the peer is
//!    provider                   the cryptography
//! ```
//!
//! It is no interface for users, who find what they need of it in `tls` of brpc's other crates.

mod certificate;
mod client;
mod error;
mod metered;
mod own;
mod pem;
mod pinned;
mod provider;
mod report;
mod roots;
mod server;
mod source;
mod stream;
mod watched;

pub use certificate::ClientCertificate;
pub use client::ClientTls;
pub use error::{TlsError, TlsFault, TlsSettingsError};
pub use report::Report;
pub use roots::Roots;
pub use server::{Clients, ServerTls};
pub use stream::TlsStream;

/// The protocol that both sides name in the handshake (ALPN).
const PROTOCOL: &[u8] = b"brpc/1";

#[cfg(test)]
mod tests;
