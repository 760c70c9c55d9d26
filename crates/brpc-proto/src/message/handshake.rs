//! What is said while a plugin is let in.

use std::fmt;
use std::ops::BitAnd;
use std::sync::Arc;

use brpc_core::{Labels, Wire};

use crate::description::Description;

/// Optional parts of the protocol, a bit each. A side offers those that it has; both use those that
/// both have. A bit that a side doesn't know is one that it doesn't have.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Features(pub u64);

impl Features {
    /// Those that this version has: none yet.
    pub const SUPPORTED: Self = Self(0);
}

impl BitAnd for Features {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// What a plugin says of itself before it is let in.
#[derive(Clone)]
pub struct Hello {
    /// The wire that it speaks.
    pub wire: Wire,
    /// The name that it asks for.
    pub name: String,
    /// Its own version, for people; may be empty.
    pub version: String,
    /// What it says of where and what it is; by these a hub can choose it.
    pub labels: Labels,
    /// Random, the same for the life of its process; a secret between the two. Zeros on a wire that
    /// has none.
    pub instance: [u8; 16],
    /// The digest of its description.
    pub digest: [u8; 32],
    /// Its description, where it is known already: at the plugin, and on a wire on which a plugin
    /// says all of itself at once.
    pub description: Option<Arc<Description>>,
    /// The optional parts of the protocol that it has.
    pub features: Features,
    /// The largest frame that it takes, in bytes; `None` if it doesn't say.
    pub max_frame: Option<usize>,
    /// The most calls that it takes at once; `None` if it doesn't say.
    pub max_calls: Option<usize>,
}

impl Hello {
    /// Of a plugin of this name and description, on the native wire. What it takes is filled in from
    /// the limits of its connection.
    pub fn new(name: impl Into<String>, description: Arc<Description>) -> Self {
        Self {
            wire: Wire::Native,
            name: name.into(),
            version: String::new(),
            labels: Labels::default(),
            instance: [0; 16],
            digest: *description.digest(),
            description: Some(description),
            features: Features::default(),
            max_frame: None,
            max_calls: None,
        }
    }
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the instance id, which is a secret.
        f.debug_struct("Hello")
            .field("wire", &self.wire)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

/// What a hub says when it lets a plugin in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Welcome {
    /// The optional parts of the protocol that both have.
    pub features: Features,
    /// Random, the same for the life of the hub.
    pub epoch: [u8; 16],
    /// The name given; not always the one asked for.
    pub name: String,
    /// The number of this connection among all that the hub has had; rises.
    pub generation: u64,
    /// The largest frame that the hub takes, in bytes.
    pub max_frame: usize,
    /// The most calls at once, for both.
    pub max_calls: usize,
    /// Events that may be sent ahead.
    pub credit_events: u32,
    /// Bytes of events that may be sent ahead.
    pub credit_bytes: u64,
}
