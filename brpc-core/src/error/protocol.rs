//! What a peer can do that the protocol forbids.

use thiserror::Error;

/// How a peer broke the protocol. This side closes the connection; other connections go on.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The first bytes are not those of a brpc connection.
    #[error("expected the brpc preface, found other bytes")]
    BadPreface,
    /// A frame announces more bytes than the receiver's limit.
    #[error("a frame of {size} bytes, and the limit is {limit}")]
    FrameTooLarge {
        /// Bytes announced.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A frame announces no bytes; each has at least its kind.
    #[error("an empty frame")]
    EmptyFrame,
    /// A frame's kind is not one of this version's, and not of the range that may be skipped.
    #[error("a frame of unknown kind {kind:#04x}")]
    UnknownKind {
        /// The kind found.
        kind: u8,
    },
    /// A frame's header doesn't decode, or a field breaks its rule.
    #[error("a malformed frame of kind {kind:#04x}")]
    Malformed {
        /// The frame's kind.
        kind: u8,
    },
    /// A frame of a kind without a payload has bytes after its header.
    #[error("trailing bytes in a frame of kind {kind:#04x}")]
    TrailingBytes {
        /// The frame's kind.
        kind: u8,
    },
    /// A number is not in its shortest form.
    #[error("an overlong number in a frame of kind {kind:#04x}")]
    Overlong {
        /// The frame's kind.
        kind: u8,
    },
    /// A frame that is not allowed from this side or in this state.
    #[error("an unexpected frame of kind {kind:#04x}")]
    UnexpectedFrame {
        /// The frame's kind.
        kind: u8,
    },
    /// An answer to a call that was never sent.
    #[error("an answer to a call that was never sent")]
    UnknownCall,
    /// A cancel of a call that never arrived.
    #[error("a cancel of a call that never arrived")]
    UnknownCancel,
    /// A call whose id is not above the one before.
    #[error("call ids that don't increase")]
    CallIdOrder,
    /// A call of a method that the plugin has not described.
    #[error("a call of a method that was not described")]
    UnknownMethod,
    /// More calls in flight than agreed in the handshake.
    #[error("more calls at once than agreed")]
    TooManyCalls,
    /// More connections and calls in all Resumes of a connection than allowed.
    #[error("more of earlier connections in its Resumes than allowed")]
    ResumeTooLong,
    /// The plugin has not said in time what it knows of earlier connections.
    #[error("no last Resume in the time of a handshake")]
    NoResume,
    /// Events beyond the peer's credit.
    #[error("events beyond the credit")]
    CreditExceeded,
    /// Returned credit that, with what is left, is more than a plugin can count.
    #[error("more credit than can be counted")]
    CreditOverflow,
    /// Too many strikes: frames that are wrong, but harmless by themselves.
    #[error("too many odd frames")]
    TooManyStrikes,
    /// More heartbeats than any side has a use for.
    #[error("too many heartbeats")]
    TooManyHeartbeats,
    /// A message that breaks a rule of another wire than the native one.
    #[error("{problem}")]
    Foreign {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The chosen version is not the highest that both sides speak.
    #[error("the version was tampered with")]
    VersionMismatch,
    /// The description is not the one whose digest was announced.
    #[error("the description is not the one announced")]
    DigestMismatch,
}
