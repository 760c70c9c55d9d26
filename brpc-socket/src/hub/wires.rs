//! Which wires a hub accepts, and from where.

#[cfg(feature = "gob")]
use std::time::Duration;

use brpc_proto::{WireEntry, Wires};

use crate::listener::Source;

/// From where a hub accepts the plugins of a wire.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Access {
    /// From nowhere: they are refused.
    Off,
    /// From this host: over loopback addresses, Unix sockets and in memory. An
    /// [attached](crate::Socket::attach) stream counts as coming from elsewhere, unless
    /// [`attach_from`](crate::Socket::attach_from) gives its source.
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
    /// How long a connection may be silent at first where plugins of the Go package are accepted.
    #[cfg(feature = "gob")]
    pub(crate) gob_silence: Duration,
}

impl Default for WireAccess {
    fn default() -> Self {
        Self {
            native: Access::Anywhere,
            #[cfg(feature = "gob")]
            gob: Access::Loopback,
            // A program may dial before it opens its database, and have its plugin ready after that.
            #[cfg(feature = "gob")]
            gob_silence: Duration::from_secs(30),
        }
    }
}

impl WireAccess {
    /// The wires that are accepted from a source, if it is known.
    pub(crate) fn from(self, source: Option<Source>) -> Wires {
        let closed = |access, off, elsewhere| match access {
            Access::Anywhere => None,
            Access::Loopback if source.is_some_and(Source::is_this_host) => None,
            Access::Loopback => Some(elsewhere),
            Access::Off => Some(off),
        };
        let native = closed(
            self.native,
            "this hub takes no plugins of the native protocol",
            "this hub takes plugins of the native protocol from its own host only",
        );
        Wires::new([
            WireEntry::native(native),
            #[cfg(feature = "gob")]
            WireEntry {
                wire: brpc_core::Wire::Gob,
                closed: closed(
                    self.gob,
                    "this hub takes no plugins of the Go package",
                    "this hub takes plugins of the Go package from its own host only",
                ),
                silence: self.gob_silence,
                codec: brpc_gob::hub_codec,
            },
        ])
    }
}
