//! Errors of a handler that sends metadata or events.

use brpc_core::limits::{MAX_METADATA_BYTES, MAX_METADATA_ENTRIES};
use thiserror::Error;

/// The metadata of an answer exceeds its limit: 64 pairs, and 8 KiB of keys and values.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "an answer's metadata has at most {MAX_METADATA_ENTRIES} entries and {MAX_METADATA_BYTES} bytes"
)]
pub struct MetadataError(pub(super) ());

/// Why an event was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HookError {
    /// The hook is a default one, which belongs to no plugin.
    #[error("the hook belongs to no plugin; keep the one that a `#[brpc(hook)]` method is given")]
    Detached,
    /// The plugin is not connected yet, or no longer; or it leaves, and has answered its last call.
    #[error("the plugin is not connected")]
    Closed,
    /// There is no credit left, because a subscriber of the hub lags; only from
    /// `AsyncHook::try_emit`.
    #[error("the hub's consumers are behind")]
    Full,
    /// The event exceeds the hub's limit.
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
