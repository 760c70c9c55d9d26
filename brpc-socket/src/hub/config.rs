//! The settings of a hub.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brpc_core::Limits;
use brpc_rt::middleware::Chain;

use super::takeover::Takeover;
use super::wires::WireAccess;
use crate::outgoing::Outgoing;

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
    pub(crate) wires: WireAccess,
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
            wires: WireAccess::default(),
            takeover: Takeover::default(),
            sequencer: None,
            middleware: Chain::default(),
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
            .field("wires", &self.wires)
            .field("takeover", &self.takeover)
            .field("attempts", &self.sequencer.as_ref().map(|sequencer| sequencer.attempts))
            .field("middleware", &self.middleware)
            .finish()
    }
}
