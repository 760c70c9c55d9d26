//! What can go wrong with the plugin itself; what its methods return is their own.

use std::io;

use brpc_core::describe::DescriptionError;
use brpc_core::limits::{MAX_METADATA_BYTES, MAX_METADATA_ENTRIES};
use brpc_core::{DisconnectReason, FieldError, LabelError, Refusal};
use thiserror::Error;

/// Why a plugin is not connected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The plugin's name breaks the rule; nothing was sent.
    #[error("bad plugin name: {}", brpc_core::name::NAME_RULE)]
    BadName,
    /// The plugin's version breaks the rule; nothing was sent.
    #[error("bad plugin version: {}", brpc_core::name::VERSION_RULE)]
    BadVersion,
    /// The plugin's labels break a rule; nothing was sent.
    #[error("bad labels")]
    BadLabels(#[source] LabelError),
    /// The plugin has no method to describe otherwise; nothing was sent.
    #[error("there is no method `{name}` to describe; there are: {}", methods.join(", "))]
    NoSuchMethod {
        /// The name that was given.
        name: String,
        /// The names of the methods that there are.
        methods: Vec<String>,
    },
    /// A method was to be described by fields that it can't be described by; nothing was sent.
    #[error("method `{method}` can't be described so")]
    Fields {
        /// The name of the method.
        method: String,
        /// What is wrong with the fields.
        #[source]
        error: FieldError,
    },
    /// The description of the plugin's methods breaks a rule; nothing was sent.
    #[error("bad description")]
    Description(#[source] DescriptionError),
    /// The hub can't be reached.
    #[error("can't connect to the hub")]
    Io(#[source] io::Error),
    /// The hub did not let the plugin in, and says why.
    #[error("refused by the hub")]
    Refused(#[source] Refusal),
    /// The peer did not answer in time; it may not be a hub.
    #[error("no answer to the handshake in time; is the peer a brpc hub?")]
    TimedOut,
    /// The connection ended before the plugin was let in; the peer may not be a hub.
    #[error("the connection ended in the handshake")]
    Lost(#[source] DisconnectReason),
}

/// More metadata than can go along with an answer: at most 64 pairs, and 8 KiB of keys and values.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "an answer's metadata has at most {MAX_METADATA_ENTRIES} entries and {MAX_METADATA_BYTES} bytes"
)]
pub struct MetadataError(pub(crate) ());

/// Why an event was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HookError {
    /// The hook is a default one, which no plugin has given.
    #[error("the hook belongs to no plugin")]
    Detached,
    /// The plugin is not connected: not yet, or not any more.
    #[error("the plugin is not connected")]
    Closed,
    /// The hub's consumers are behind; only from [`try_emit`](crate::AsyncHook::try_emit).
    #[error("the hub's consumers are behind")]
    Full,
    /// The event is larger than the hub takes.
    #[error("an event of {size} bytes, and the limit is {limit}")]
    TooLarge {
        /// Bytes of the frame.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The event doesn't encode.
    #[error("the event doesn't encode: {message}")]
    Invalid {
        /// What is wrong with it.
        message: String,
    },
}
