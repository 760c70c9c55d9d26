//! Counts peers whose protocol the hub doesn't accept.

use std::sync::atomic::{AtomicU64, Ordering};

use brpc_core::Wire;
use serde::Serialize;

/// Connections that the hub turned away because of their protocol, since it was created; from
/// [`Socket::strangers`](crate::Socket::strangers).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Strangers {
    /// Plugins of the native protocol, where the hub accepts none.
    pub native: u64,
    /// Plugins of the Go package, or programs that begin like one, where the hub accepts none.
    pub gob: u64,
    /// TLS clients.
    pub tls: u64,
    /// HTTP clients.
    pub http: u64,
    /// Those that begin with a JSON object.
    pub json: u64,
    /// SSH clients.
    pub ssh: u64,
    /// All others.
    pub unknown: u64,
}

impl Strangers {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { native, gob, tls, http, json, ssh, unknown } = self;
        native + gob + tls + http + json + ssh + unknown
    }
}

/// The same as counters.
#[derive(Debug, Default)]
pub(crate) struct StrangerCounts {
    native: AtomicU64,
    gob: AtomicU64,
    tls: AtomicU64,
    http: AtomicU64,
    json: AtomicU64,
    ssh: AtomicU64,
    unknown: AtomicU64,
}

impl StrangerCounts {
    pub(crate) fn count(&self, wire: Wire) {
        let count = match wire {
            Wire::Native => &self.native,
            Wire::Gob => &self.gob,
            Wire::Tls => &self.tls,
            Wire::Http => &self.http,
            Wire::Json => &self.json,
            Wire::Ssh => &self.ssh,
            _ => &self.unknown,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn so_far(&self) -> Strangers {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Strangers {
            native: of(&self.native),
            gob: of(&self.gob),
            tls: of(&self.tls),
            http: of(&self.http),
            json: of(&self.json),
            ssh: of(&self.ssh),
            unknown: of(&self.unknown),
        }
    }
}
