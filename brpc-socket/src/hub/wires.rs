//! Which wires a hub accepts, and from where.

use std::time::Duration;

use brpc_core::Wire;
use brpc_proto::{Carries, WireEntry, Wires};

use crate::encryption::Encryption;
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
    /// The wires that are accepted from a source, if it is known, by the first bytes of a connection
    /// of this encryption.
    pub(crate) fn first(self, source: Option<Source>, encryption: Encryption) -> Wires {
        let unencrypted = match encryption {
            Encryption::Demanded => Some(
                "this hub takes plugins over TLS only; dial it as brpcs://, with settings for TLS",
            ),
            Encryption::Off | Encryption::Allowed => None,
        };
        let tls = WireEntry {
            wire: Wire::Tls,
            closed: None,
            silence: Duration::ZERO,
            carries: Carries::Stream,
        };
        let tls = (encryption != Encryption::Off).then_some(tls);
        Wires::new(self.of_messages(source, unencrypted).chain(tls))
    }

    /// The wires that are accepted over TLS from a source, if it is known. TLS isn't among them.
    pub(crate) fn above_tls(self, source: Option<Source>) -> Wires {
        Wires::new(self.of_messages(source, None))
    }

    /// The wires that carry messages. Why none of them is accepted, if that is so.
    fn of_messages(
        self,
        source: Option<Source>,
        none: Option<&'static str>,
    ) -> impl Iterator<Item = WireEntry> {
        let closed = |access, off, elsewhere| match access {
            _ if none.is_some() => none,
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
        [
            WireEntry::native(native),
            #[cfg(feature = "gob")]
            WireEntry {
                wire: Wire::Gob,
                closed: closed(
                    self.gob,
                    "this hub takes no plugins of the Go package",
                    "this hub takes plugins of the Go package from its own host only",
                ),
                silence: self.gob_silence,
                carries: Carries::Messages(brpc_gob::hub_codec),
            },
        ]
        .into_iter()
    }
}
