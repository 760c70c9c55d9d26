//! Errors of the plugin itself; the errors of its methods are their own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use brpc_core::describe::DescriptionError;
use brpc_core::{DisconnectReason, FieldError, LabelError, LimitError, Refusal};
use thiserror::Error;

use crate::address::{AddressError, HubAddress, listed};
use crate::credentials::CredentialError;

/// Why a plugin is not connected.
///
/// Its text is complete, except for the system's error about an address or a connection, which is in
/// `source()`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The plugin's name breaks the rule; nothing was sent.
    #[error("bad plugin name {name:?}: {rule}")]
    BadName {
        /// The name that was given.
        name: String,
        /// The rule for names.
        rule: &'static str,
    },
    /// The plugin's version breaks the rule; nothing was sent.
    #[error("bad plugin version {version:?}: {}", brpc_core::name::VERSION_RULE)]
    BadVersion {
        /// The version that was given.
        version: String,
    },
    /// The plugin's labels break a rule; nothing was sent.
    #[error("bad labels: {0}")]
    BadLabels(LabelError),
    /// A method is to be described that the plugin doesn't have; nothing was sent.
    #[error("there is no method `{name}` to describe; there are: {}", methods.join(", "))]
    NoSuchMethod {
        /// The name that was given.
        name: String,
        /// The names of the methods that there are.
        methods: Vec<String>,
    },
    /// A method is to be described by fields that don't fit it; nothing was sent.
    #[error("method `{method}` can't be described so: {error}")]
    Fields {
        /// The name of the method.
        method: String,
        /// What is wrong with the fields.
        error: FieldError,
    },
    /// The description of the plugin's methods breaks a rule; nothing was sent.
    #[error("bad description: {0}")]
    Description(DescriptionError),
    /// A limit is out of its range; nothing was sent.
    #[error("bad limits: {0}")]
    BadLimits(LimitError),
    /// The plugin can't show who it is: it has no token to send, or may not send it there. Nothing was
    /// sent.
    #[error(transparent)]
    Credentials(CredentialError),
    /// The hub's address isn't one. For a name that can't be resolved at the moment, the error is
    /// [`Io`](Self::Io).
    #[error("this is no address of a hub: {0}")]
    Address(AddressError),
    /// The hub can't be reached.
    #[error("can't {} {hub}{}", unreached(hub, addresses), tried(hub, addresses))]
    Io {
        /// The hub's address, as it was given.
        hub: HubAddress,
        /// The addresses that were tried; none if the hub's name couldn't be resolved, or it is a path.
        addresses: Vec<SocketAddr>,
        /// The system's error for the last of them, or for the name.
        #[source]
        error: io::Error,
    },
    /// The plugin's own way of dialling failed ([`Plugin::run_over`](crate::Plugin::run_over)).
    #[error("can't open a connection to the hub")]
    Dial(#[source] io::Error),
    /// The hub is to be dialled with TLS, and this program is built without it; nothing was sent.
    #[error(
        "can't dial {hub}: TLS is not built in; switch on the feature `tls` of brpc, or `tls-ring`"
    )]
    NoTls {
        /// The hub's address.
        hub: HubAddress,
    },
    /// There is no encrypted connection to the hub: one side refused the other, or the settings can't be
    /// used. The text says who refused what, and the way out.
    ///
    /// With TLS 1.3 a hub refuses a plugin's certificate after the plugin's own handshake; that is told
    /// here as well.
    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
    #[error("can't connect over TLS: {0}")]
    Tls(brpc_tls::TlsError),
    /// The hub refused the plugin, with its reason.
    #[error("refused by the hub: {0}")]
    Refused(Refusal),
    /// The peer did not answer in time; it may not be a hub.
    #[error("no answer to the handshake in time; is the peer a brpc hub?")]
    TimedOut,
    /// The connection ended before the hub registered the plugin; the peer may not be a hub.
    #[error("the connection ended in the handshake: {}{}", .0, doubt(*.0))]
    Lost(DisconnectReason),
}

impl ConnectError {
    /// Whether a retry may succeed without a change to the plugin: the hub can't be reached at the
    /// moment, or refuses plugins for a while. What counts in TLS, its `TlsError` says: a certificate that
    /// the plugin refuses may be anybody's on the way, and another attempt may find the hub.
    ///
    /// [`Plugin::run`](crate::Plugin::run) tries again by itself. Others choose the wait, at least
    /// [`retry_after`](Self::retry_after).
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Dial(_) | Self::TimedOut | Self::Lost(_) => true,
            Self::Refused(refusal) => refusal.is_transient(),
            Self::Credentials(error) => error.is_transient(),
            #[cfg(any(feature = "tls", feature = "tls-ring"))]
            Self::Tls(error) => error.is_transient(),
            Self::BadName { .. }
            | Self::BadVersion { .. }
            | Self::BadLabels(_)
            | Self::NoSuchMethod { .. }
            | Self::Fields { .. }
            | Self::Description(_)
            | Self::BadLimits(_)
            | Self::NoTls { .. }
            | Self::Address(_) => false,
        }
    }

    /// How long to wait at least before another attempt, if the hub said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

/// What failed.
fn unreached(hub: &HubAddress, addresses: &[SocketAddr]) -> &'static str {
    if addresses.is_empty() && hub.path().is_none() {
        "find the host of the hub at"
    } else {
        "connect to the hub at"
    }
}

/// The addresses that were tried, unless the hub's own says it.
fn tried(hub: &HubAddress, addresses: &[SocketAddr]) -> String {
    let addresses = listed(addresses);
    if addresses.is_empty() || addresses == hub.to_string() {
        return String::new();
    }
    format!(" ({addresses})")
}

/// A peer that sends nothing that a hub would send may not be one.
fn doubt(reason: DisconnectReason) -> &'static str {
    use DisconnectReason::{MidFrame, Protocol, Reset, Unclean};
    match reason {
        Unclean | Reset | MidFrame | Protocol(_) => "; is the peer a brpc hub?",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use brpc_core::RefusalCode;

    use super::*;

    fn unreachable(hub: &str, addresses: Vec<SocketAddr>) -> ConnectError {
        ConnectError::Io { hub: hub.into(), addresses, error: io::ErrorKind::Other.into() }
    }

    #[test]
    fn an_unreachable_hub_is_named_with_what_was_tried() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        for (hub, addresses, text) in [
            ("hub:80", vec![], "can't find the host of the hub at hub:80"),
            ("hub:80", vec![address], "can't connect to the hub at hub:80 (127.0.0.1:80)"),
            ("127.0.0.1:80", vec![address], "can't connect to the hub at 127.0.0.1:80"),
        ] {
            assert_eq!(unreachable(hub, addresses).to_string(), text);
        }
    }

    #[test]
    fn what_may_pass_is_told_from_what_is_wrong() {
        let refused = |code| Refusal::new(code, "no");
        let later = Duration::from_secs(1);
        for (error, is_transient) in [
            (ConnectError::BadName { name: String::new(), rule: "" }, false),
            (ConnectError::Refused(refused(RefusalCode::BadName)), false),
            (ConnectError::Refused(refused(RefusalCode::Other(99))), false),
            (ConnectError::Refused(refused(RefusalCode::Other(99)).retry_after(later)), true),
            (ConnectError::Refused(refused(RefusalCode::NameTaken)), true),
            (unreachable("hub:80", vec![]), true),
            (ConnectError::TimedOut, true),
            (ConnectError::Lost(DisconnectReason::Reset), true),
        ] {
            assert_eq!(error.is_transient(), is_transient, "{error:?}");
        }
    }
}
