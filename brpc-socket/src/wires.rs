//! Which wires a hub takes, and from where.

use brpc_core::codec::{Entry, Wires};

use crate::listener::Source;

/// From where a hub takes the plugins of a wire.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Access {
    /// From nowhere: they are refused.
    Off,
    /// From this host: over loopback addresses, Unix sockets and in memory. A stream that is
    /// [attached](crate::Socket::attach) counts as from elsewhere, unless it is
    /// [said](crate::Socket::attach_from) where it is from.
    Loopback,
    /// From anywhere.
    Anywhere,
}

/// The wires of a hub.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WireAccess {
    pub(crate) native: Access,
    #[cfg(feature = "gob")]
    pub(crate) gob: Access,
}

impl Default for WireAccess {
    fn default() -> Self {
        Self {
            native: Access::Anywhere,
            #[cfg(feature = "gob")]
            gob: Access::Loopback,
        }
    }
}

impl WireAccess {
    /// The wires that are taken from a place, if it is known.
    pub(crate) fn from(self, source: Option<Source>) -> Wires {
        let entry = |access, off, elsewhere| match access {
            Access::Anywhere => Entry::Open,
            Access::Loopback if source.is_some_and(Source::is_this_host) => Entry::Open,
            Access::Loopback => Entry::Closed(elsewhere),
            Access::Off => Entry::Closed(off),
        };
        Wires {
            native: entry(
                self.native,
                "this hub takes no plugins of the native protocol",
                "this hub takes plugins of the native protocol from its own host only",
            ),
            #[cfg(feature = "gob")]
            gob: Some(brpc_core::codec::ForeignWire {
                entry: entry(
                    self.gob,
                    "this hub takes no plugins of the Go package",
                    "this hub takes plugins of the Go package from its own host only",
                ),
                codec: brpc_gob::hub_codec,
            }),
            #[cfg(not(feature = "gob"))]
            gob: None,
        }
    }
}
