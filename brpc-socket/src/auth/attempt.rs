//! What a plugin offers to prove who it is.

use std::fmt;
use std::sync::Arc;

use brpc_core::Wire;
use brpc_proto::{Hello, Key, Proof, Token};
use brpc_rt::foreign::shielded;
use tokio::sync::OnceCell;

use crate::hub::{Awaited, HeldPlace, PluginLink};
use crate::listener::{Source, UnixPeer};

/// A plugin's attempt to be let in: what it offers to prove who it is, and how it is connected.
///
/// All of it may be made up, except the [source](Self::source) and the [Unix peer](Self::unix_peer),
/// which the hub has from its own system.
pub struct Attempt {
    hello: Arc<Hello>,
    link: Arc<PluginLink>,
    place: HeldPlace,
    /// The plugin's answer, if it was asked.
    proof: OnceCell<Option<Proof>>,
}

impl Attempt {
    pub(crate) fn new(hello: Arc<Hello>, link: Arc<PluginLink>, place: HeldPlace) -> Self {
        Self { hello, link, place, proof: OnceCell::new() }
    }

    /// The name that it asks for. The hub itself compares that with what the identity is granted.
    pub fn name(&self) -> &str {
        &self.hello.name
    }

    /// The wire that it speaks. Plugins of the Go package can offer no credential of their own.
    pub fn wire(&self) -> Wire {
        self.hello.wire
    }

    /// The token that it offers.
    pub fn token(&self) -> Option<&Token> {
        self.hello.token.as_ref()
    }

    /// Of which key it offers to prove that it knows the secret.
    pub fn key_id(&self) -> Option<&str> {
        self.hello.key.as_ref().map(Key::id)
    }

    /// Asks the plugin to prove that it knows the secret of its key, over its connection and with a
    /// fresh random number. It is asked once, however often this is called. `None` if it offers no key.
    ///
    /// # Cancel safety
    /// If this future is dropped before the plugin has answered, there will be no proof.
    ///
    /// # Panics
    /// If the system provides no random numbers.
    pub async fn prove(&self) -> Option<&Proof> {
        let proof = self.proof.get_or_init(async || {
            let answer = self.link.challenge()?;
            // It's the plugin's turn, until it has answered.
            self.place.awaits(Awaited::Hello, &self.link);
            shielded(answer).await.ok()
        });
        proof.await.as_ref()
    }

    /// Where its connection is from: the address that the listener saw, which may be that of a proxy.
    /// `None` if a stream was [attached](crate::Socket::attach) without its source.
    pub fn source(&self) -> Option<Source> {
        self.link.source
    }

    /// The process at the other end of a Unix socket.
    pub fn unix_peer(&self) -> Option<UnixPeer> {
        match self.source()? {
            Source::Unix(peer) => Some(peer),
            _ => None,
        }
    }

    /// The certificate that the plugin has shown over the hub's own TLS, which has verified it. `None`
    /// without TLS, and if the plugin has shown none.
    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
    pub fn certificate(&self) -> Option<Arc<crate::tls::ClientCertificate>> {
        self.link.certificate()
    }

    /// Whether it is encrypted by the hub's own TLS.
    pub fn is_encrypted(&self) -> bool {
        self.link.is_encrypted()
    }
}

/// Without anything that it offers.
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("name", &self.name())
            .field("wire", &self.wire())
            .field("source", &self.source())
            .field("is_encrypted", &self.is_encrypted())
            .finish_non_exhaustive()
    }
}
