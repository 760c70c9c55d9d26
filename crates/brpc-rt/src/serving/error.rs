//! What can go wrong with what a handler sends besides its output.

use brpc_core::limits::{MAX_METADATA_BYTES, MAX_METADATA_ENTRIES};
use thiserror::Error;

/// More metadata than can go along with an answer: at most 64 pairs, and 8 KiB of keys and values.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "an answer's metadata has at most {MAX_METADATA_ENTRIES} entries and {MAX_METADATA_BYTES} bytes"
)]
pub struct MetadataError(pub(super) ());

/// Why an event was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HookError {
    /// The hook is a default one, which no plugin has given.
    #[error("the hook belongs to no plugin; keep the one that a `#[brpc(hook)]` method is given")]
    Detached,
    /// The plugin is not connected: not yet, or not any more; or it leaves, and its last call is
    /// answered.
    #[error("the plugin is not connected")]
    Closed,
    /// The hub's consumers are behind; only from `AsyncHook::try_emit`.
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
