//! Counts what the hub turns away.

use std::sync::atomic::{AtomicU64, Ordering};

use brpc_core::{RefusalCode, Wire};
use serde::Serialize;

/// Counts by kind: a struct for users, and the same as counters.
macro_rules! counts {
    (
        $(#[$docs:meta])* $public:ident, $counters:ident, by $kind:ty;
        $($(#[$field_docs:meta])* $field:ident: $of:pat,)+
    ) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct $public {
            $($(#[$field_docs])* pub $field: u64,)+
        }

        impl $public {
            /// All of them.
            pub fn total(&self) -> u64 {
                0 $(+ self.$field)+
            }
        }

        /// The same as counters.
        #[derive(Debug, Default)]
        pub(crate) struct $counters {
            $($field: AtomicU64,)+
        }

        impl $counters {
            pub(crate) fn count(&self, kind: $kind) {
                let count = match kind {
                    $($of => &self.$field,)+
                };
                count.fetch_add(1, Ordering::Relaxed);
            }

            pub(crate) fn so_far(&self) -> $public {
                $public { $($field: self.$field.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counts! {
    /// Connections that the hub turned away because of their protocol, since it was created; from
    /// [`Socket::strangers`](crate::Socket::strangers).
    Strangers, StrangerCounts, by Wire;
    /// Plugins of the native protocol, where the hub accepts none.
    native: Wire::Native,
    /// Plugins of the Go package, or programs that begin like one, where the hub accepts none.
    gob: Wire::Gob,
    /// TLS clients.
    tls: Wire::Tls,
    /// HTTP clients.
    http: Wire::Http,
    /// Those that begin with a JSON object.
    json: Wire::Json,
    /// SSH clients.
    ssh: Wire::Ssh,
    /// All others.
    unknown: _,
}

/// How a connection ended in its handshake, if nobody was told why.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unsaid {
    Crowded,
    Tls,
    Gone,
}

counts! {
    /// Connections that ended in their handshake and were told nothing, since the hub was created; from
    /// [`Socket::unfinished`](crate::Socket::unfinished).
    Unfinished, UnfinishedCounts, by Unsaid;
    /// Those that the hub closed when it accepted them: as many from their source were in their
    /// handshake as may be, and none of these could make room. See
    /// [`Builder::max_handshakes_per_source`](crate::Builder::max_handshakes_per_source).
    crowded: Unsaid::Crowded,
    /// Those in TLS whose handshake failed: one side refused the other, or the client went meanwhile.
    tls: Unsaid::Tls,
    /// All others: the plugin went, or the stream failed.
    gone: Unsaid::Gone,
}

counts! {
    /// Plugins that the hub refused, by why, since it was created; from
    /// [`Socket::refusals`](crate::Socket::refusals). Each is one connection.
    Refusals, RefusalCounts, by RefusalCode;
    /// Of [`RefusalCode::Version`].
    version: RefusalCode::Version,
    /// Of [`RefusalCode::BadName`].
    bad_name: RefusalCode::BadName,
    /// Of [`RefusalCode::BadVersion`].
    bad_version: RefusalCode::BadVersion,
    /// Of [`RefusalCode::TooManyMethods`].
    too_many_methods: RefusalCode::TooManyMethods,
    /// Of [`RefusalCode::BadDescription`].
    bad_description: RefusalCode::BadDescription,
    /// Of [`RefusalCode::BadLabels`].
    bad_labels: RefusalCode::BadLabels,
    /// Of [`RefusalCode::NameTaken`].
    name_taken: RefusalCode::NameTaken,
    /// Of [`RefusalCode::Full`].
    full: RefusalCode::Full,
    /// Of [`RefusalCode::ShuttingDown`].
    shutting_down: RefusalCode::ShuttingDown,
    /// Of [`RefusalCode::HandshakeTimeout`].
    handshake_timeout: RefusalCode::HandshakeTimeout,
    /// Of [`RefusalCode::Protocol`].
    protocol: RefusalCode::Protocol,
    /// Of [`RefusalCode::Wire`].
    wire: RefusalCode::Wire,
    /// Of [`RefusalCode::Unplugged`].
    unplugged: RefusalCode::Unplugged,
    /// Of [`RefusalCode::AuthRequired`].
    auth_required: RefusalCode::AuthRequired,
    /// Of [`RefusalCode::AuthFailed`].
    auth_failed: RefusalCode::AuthFailed,
    /// Of [`RefusalCode::NameNotAllowed`].
    name_not_allowed: RefusalCode::NameNotAllowed,
    /// Of [`RefusalCode::TooManyAttempts`].
    too_many_attempts: RefusalCode::TooManyAttempts,
    /// Of any other code.
    other: _,
}
