//! The contents of Hello and Welcome.

use std::fmt;
use std::ops::{BitAnd, BitOr};
use std::sync::Arc;
use std::time::Duration;

use brpc_core::{Labels, Limits, Wire};

use crate::credentials::{Key, Token};
use crate::description::{Description, Idempotent};

/// Optional parts of the protocol, a bit each. A side offers those that it has; both use those that
/// both have. A side ignores bits that it doesn't know.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Features(pub u64);

impl Features {
    /// Heartbeats: Ping and Pong.
    pub const HEARTBEAT: Self = Self(1);

    /// Calls may go on over another connection.
    pub const RESUME: Self = Self(2);

    /// Those that this version has.
    pub const SUPPORTED: Self = Self(Self::HEARTBEAT.0 | Self::RESUME.0);

    /// Those that a side with these limits has in any case.
    pub(crate) fn of(limits: &Limits) -> Self {
        if limits.heartbeat.is_none() { Self(0) } else { Self::HEARTBEAT }
    }

    /// Whether all of these are among them.
    pub fn has(self, features: Self) -> bool {
        self & features == features
    }
}

impl BitOr for Features {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Features {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A plugin's Hello.
#[derive(Clone)]
pub struct Hello {
    /// The wire that it speaks.
    pub wire: Wire,
    /// The name that it asks for.
    pub name: String,
    /// Its own version, for people; may be empty.
    pub version: String,
    /// Where and what it is; a hub can select plugins by them.
    pub labels: Labels,
    /// Random, the same for the life of its process; a secret between plugin and hub. Zeros on a
    /// wire that has none.
    pub instance: [u8; 16],
    /// The digest of its description.
    pub digest: [u8; 32],
    /// Its description, if it is known already: at the plugin, and on a wire where a plugin sends
    /// it in its first message.
    pub description: Option<Arc<Description>>,
    /// The optional parts of the protocol that it has.
    pub features: Features,
    /// The largest frame that it accepts, in bytes; `None` if it doesn't say.
    pub max_frame: Option<usize>,
    /// The most calls in flight that it accepts; `None` if it doesn't say.
    pub max_calls: Option<usize>,
    /// The interval of heartbeats that it wishes; `None` if it doesn't say. Of no meaning without
    /// [`Features::HEARTBEAT`].
    pub heartbeat: Option<Duration>,
    /// Which of its methods are idempotent.
    pub idempotent: Idempotent,
    /// A token by which the hub knows it. Not on wires that have none.
    pub token: Option<Token>,
    /// What it offers to prove. Not on wires that have no challenge.
    pub key: Option<Key>,
}

impl Hello {
    /// The Hello of a plugin with this name and description, on the native wire. The limits of its
    /// connection are filled in later.
    pub fn new(name: impl Into<String>, description: Arc<Description>) -> Self {
        Self {
            wire: Wire::Native,
            name: name.into(),
            version: String::new(),
            labels: Labels::default(),
            instance: [0; 16],
            digest: *description.digest(),
            idempotent: description.idempotent().clone(),
            description: Some(description),
            features: Features::default(),
            max_frame: None,
            max_calls: None,
            heartbeat: None,
            token: None,
            key: None,
        }
    }
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the instance id and the token, which are secrets.
        f.debug_struct("Hello")
            .field("wire", &self.wire)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

/// A hub's Welcome.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Welcome {
    /// The optional parts of the protocol that both sides have.
    pub features: Features,
    /// Random, the same for the life of the hub.
    pub epoch: [u8; 16],
    /// The plugin's name on this hub; not always the one that it asked for.
    pub name: String,
    /// The number of this connection among all that the hub has had; it rises.
    pub generation: u64,
    /// The largest frame that the hub accepts, in bytes.
    pub max_frame: usize,
    /// The most calls in flight, for both sides.
    pub max_calls: usize,
    /// Initial credit: how many events the plugin may send.
    pub credit_events: u32,
    /// Initial credit: how many bytes of events.
    pub credit_bytes: u64,
    /// The interval of heartbeats; `None` if the hub doesn't say. Of no meaning without
    /// [`Features::HEARTBEAT`].
    pub heartbeat: Option<Duration>,
}
