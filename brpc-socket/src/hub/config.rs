//! The settings of a hub.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brpc_core::Limits;
use brpc_rt::middleware::Chain;

use super::network::Counted;
use super::takeover::Takeover;
use super::wires::WireAccess;
use crate::auth::Authenticator;
use crate::encryption::Encryption;
use crate::outgoing::Outgoing;
use crate::secure::Tls;

/// The settings of a hub; [`Builder`](crate::Builder) says what each of them means.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) default_timeout: Option<Duration>,
    /// How long calls are suspended whose connection is lost.
    pub(crate) resumable: Option<Duration>,
    pub(crate) max_plugins: usize,
    pub(crate) max_handshakes: usize,
    pub(crate) max_handshakes_per_source: usize,
    /// The most bytes of long descriptions that plugins in their handshake may have sent.
    pub(crate) max_description_bytes: usize,
    /// The most bytes that are held for all calls in progress and all unread events.
    pub(crate) max_held_bytes: usize,
    /// Which sources have limits of their own.
    pub(crate) counted: Counted,
    /// Says who plugins are.
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) wires: WireAccess,
    /// The settings for TLS, if the hub speaks it.
    pub(crate) tls: Option<Tls>,
    /// Whether listeners that others can reach may be neither encrypted nor authenticated.
    pub(crate) allow_insecure: bool,
    pub(crate) takeover: Takeover,
    pub(crate) sequencer: Option<Sequencer>,
    pub(crate) middleware: Chain<Outgoing>,
}

/// Makes another name of one that is taken.
#[derive(Clone)]
pub(crate) struct Sequencer {
    pub(crate) next: Arc<dyn Fn(&str) -> String + Send + Sync>,
    pub(crate) attempts: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            default_timeout: Some(Duration::from_secs(30)),
            resumable: None,
            max_plugins: 65_536,
            max_handshakes: 1_024,
            max_handshakes_per_source: 64,
            max_description_bytes: 8 << 20,
            max_held_bytes: 256 << 20,
            counted: Counted::default(),
            authenticator: None,
            wires: WireAccess::default(),
            tls: None,
            allow_insecure: false,
            takeover: Takeover::default(),
            sequencer: None,
            middleware: Chain::default(),
        }
    }
}

impl Config {
    /// The encryption that becomes of this one: without settings for TLS, none that is only allowed.
    pub(crate) fn encrypts(&self, encryption: Encryption) -> Encryption {
        match encryption {
            Encryption::Allowed if self.tls.is_none() => Encryption::Off,
            encryption => encryption,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("limits", &self.limits)
            .field("default_timeout", &self.default_timeout)
            .field("resumable", &self.resumable)
            .field("max_plugins", &self.max_plugins)
            .field("max_handshakes", &self.max_handshakes)
            .field("max_handshakes_per_source", &self.max_handshakes_per_source)
            .field("max_description_bytes", &self.max_description_bytes)
            .field("max_held_bytes", &self.max_held_bytes)
            .field("counted", &self.counted)
            .field("authenticator", &self.authenticator)
            .field("wires", &self.wires)
            .field("tls", &self.tls)
            .field("allow_insecure", &self.allow_insecure)
            .field("takeover", &self.takeover)
            .field("attempts", &self.sequencer.as_ref().map(|sequencer| sequencer.attempts))
            .field("middleware", &self.middleware)
            .finish()
    }
}
