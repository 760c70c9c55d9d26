//! What can go wrong with the plugin itself; what its methods return is their own.

use std::io;
use std::net::SocketAddr;

use brpc_core::describe::DescriptionError;
use brpc_core::{DisconnectReason, FieldError, LabelError, Refusal};
use thiserror::Error;

/// Why a plugin is not connected.
///
/// What it prints is the whole of it; only what the system said of an address is in `source()`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The plugin's name breaks the rule; nothing was sent.
    #[error("bad plugin name {name:?}: {rule}")]
    BadName {
        /// The name that was given.
        name: String,
        /// What a name may be.
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
    /// The plugin has no method to describe otherwise; nothing was sent.
    #[error("there is no method `{name}` to describe; there are: {}", methods.join(", "))]
    NoSuchMethod {
        /// The name that was given.
        name: String,
        /// The names of the methods that there are.
        methods: Vec<String>,
    },
    /// A method was to be described by fields that it can't be described by; nothing was sent.
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
    /// What was given as the hub's address is none. A name that can't be looked up at the moment
    /// is [`Io`](Self::Io).
    #[error("this is no address of a hub; expected host:port, as in 127.0.0.1:8080")]
    Address(#[source] io::Error),
    /// The hub can't be reached.
    #[error("can't connect to the hub{}", at(addresses))]
    Io {
        /// The addresses that were tried; none if the hub's name couldn't be looked up, or if
        /// somebody else dialled.
        addresses: Vec<SocketAddr>,
        /// What the system said of the last of them, or of the name.
        #[source]
        error: io::Error,
    },
    /// The hub did not let the plugin in, and says why.
    #[error("refused by the hub: {0}")]
    Refused(Refusal),
    /// The peer did not answer in time; it may not be a hub.
    #[error("no answer to the handshake in time; is the peer a brpc hub?")]
    TimedOut,
    /// The connection ended before the plugin was let in; the peer may not be a hub.
    #[error("the connection ended in the handshake: {}{}", .0, doubt(*.0))]
    Lost(DisconnectReason),
}

impl ConnectError {
    /// Whether another attempt may succeed without a change to the plugin: nobody is there at the
    /// moment, or the hub refuses for the time being.
    ///
    /// What to wait for is up to the caller; if the hub [`Refused`](Self::Refused), at least for
    /// [`Refusal::retry_after`].
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Io { .. } | Self::TimedOut | Self::Lost(_) => true,
            Self::Refused(refusal) => refusal.is_transient(),
            Self::BadName { .. }
            | Self::BadVersion { .. }
            | Self::BadLabels(_)
            | Self::NoSuchMethod { .. }
            | Self::Fields { .. }
            | Self::Description(_)
            | Self::Address(_) => false,
        }
    }
}

fn at(addresses: &[SocketAddr]) -> String {
    if addresses.is_empty() {
        return String::new();
    }
    let listed: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    format!(" at {}", listed.join(", "))
}

/// A peer that says nothing a hub would say may be something else.
fn doubt(reason: DisconnectReason) -> &'static str {
    use DisconnectReason::{MidFrame, Protocol, Reset, Unclean};
    match reason {
        Unclean | Reset | MidFrame | Protocol(_) => "; is the peer a brpc hub?",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use brpc_core::RefusalCode;

    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_is_wrong() {
        let refused = |code| Refusal::new(code, "no");
        let later = Duration::from_secs(1);
        for (error, is_transient) in [
            (ConnectError::BadName { name: String::new(), rule: "" }, false),
            (ConnectError::Address(io::ErrorKind::InvalidInput.into()), false),
            (ConnectError::Refused(refused(RefusalCode::BadName)), false),
            (ConnectError::Refused(refused(RefusalCode::Other(99))), false),
            (ConnectError::Refused(refused(RefusalCode::Other(99)).retry_after(later)), true),
            (ConnectError::Refused(refused(RefusalCode::NameTaken)), true),
            (ConnectError::Io { addresses: vec![], error: io::ErrorKind::Other.into() }, true),
            (ConnectError::TimedOut, true),
            (ConnectError::Lost(DisconnectReason::Reset), true),
        ] {
            assert_eq!(error.is_transient(), is_transient, "{error:?}");
        }
    }
}
