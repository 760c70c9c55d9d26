//! Which wires a hub accepts on a connection.

use std::time::Duration;

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
    /// How long its plugins may be connected before they send their first byte, if that is longer
    /// than [`hello_deadline`](brpc_core::Limits::hello_deadline). Nothing tells a silent peer of one
    /// wire from one of another, so the longest time of an accepted wire applies to all.
    pub silence: Duration,
    /// What it carries.
    pub carries: Carries,
}

/// Makes a codec for one connection.
pub type MakeCodec = fn() -> Box<dyn Codec>;

/// What a wire carries.
#[derive(Clone, Copy, Debug)]
pub enum Carries {
    /// Messages, by this codec.
    Messages(MakeCodec),
    /// Another stream, as TLS does. The owner takes this one over, and the connection goes on above
    /// it: see [`Connection::sniff_above`](crate::Connection::sniff_above).
    Stream,
}

impl WireEntry {
    /// The native wire.
    pub fn native(closed: Option<&'static str>) -> Self {
        Self {
            wire: Wire::Native,
            closed,
            silence: Duration::ZERO,
            carries: Carries::Messages(native),
        }
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

    /// For how long the plugins of an accepted wire may be silent, and the codec of that wire; the
    /// longest, if any may be.
    pub(crate) fn most_silent(&self) -> Option<(Duration, MakeCodec)> {
        let accepted = self.0.iter().filter(|entry| entry.closed.is_none());
        let most = accepted.max_by_key(|entry| entry.silence)?;
        match most.carries {
            Carries::Messages(codec) if !most.silence.is_zero() => Some((most.silence, codec)),
            _ => None,
        }
    }
}

impl Default for Wires {
    /// The native wire alone.
    fn default() -> Self {
        Self::new([WireEntry::native(None)])
    }
}
