//! Which wires a hub accepts on a connection.

use brpc_core::Wire;

use crate::codec::{Codec, Native};
use crate::role::Role;

/// A wire that a hub knows.
#[derive(Clone, Copy, Debug)]
pub struct WireEntry {
    /// The wire; `sniff` recognizes it by the first bytes.
    pub wire: Wire,
    /// Why the hub doesn't accept it, for the plugin; `None` if it accepts it.
    pub closed: Option<&'static str>,
    /// Makes a codec for one connection.
    pub codec: fn() -> Box<dyn Codec>,
}

impl WireEntry {
    /// The native wire.
    pub fn native(closed: Option<&'static str>) -> Self {
        Self { wire: Wire::Native, closed, codec: native }
    }
}

/// The hub's side of the native wire.
pub(crate) fn native() -> Box<dyn Codec> {
    Box::new(Native::new(Role::Hub))
}

/// The wires that a hub knows on a connection. A peer of any other is a stranger.
#[derive(Clone, Debug)]
pub struct Wires(Vec<WireEntry>);

impl Wires {
    /// The wires of these entries.
    pub fn new(wires: impl IntoIterator<Item = WireEntry>) -> Self {
        Self(wires.into_iter().collect())
    }

    /// The entry of this wire.
    pub(crate) fn get(&self, wire: Wire) -> Option<&WireEntry> {
        self.0.iter().find(|entry| entry.wire == wire)
    }
}

impl Default for Wires {
    /// The native wire alone.
    fn default() -> Self {
        Self::new([WireEntry::native(None)])
    }
}
