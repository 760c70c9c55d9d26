//! What a call may end in besides its output.

use std::time::Duration;

use thiserror::Error;

use super::{DisconnectReason, Execution, MethodError, Scope, Shown, Stage};

/// Why a call ended without an output.
///
/// Every call ends in exactly one outcome: its output or one of these.
/// [`execution`](Self::execution) says whether the handler may have run, which a caller needs to
/// know before it retries.
///
/// Its `Display` is complete: it has no `source()`. Texts of the plugin are shown in one line, with
/// escapes; the fields have them as they arrived.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// The method itself returned an error, whose text is displayed alone.
    #[error(transparent)]
    Method(MethodError),
    /// The handler panicked. The plugin and its other calls go on.
    #[error("the method panicked: {}", Shown(message))]
    Panicked {
        /// The panic's text, at most 4 KiB of it.
        message: String,
    },
    /// The handler ran, but its output could not be encoded, is larger than the limit of a frame,
    /// or doesn't decode as the type that the caller asked for.
    #[error("the method's output is not usable: {}", Shown(message))]
    InvalidOutput {
        /// What is wrong with it, with the JSON path where one is known.
        message: String,
    },
    /// The plugin has no such method.
    #[error("{}", Shown(message))]
    MethodNotFound {
        /// The name that was asked for.
        method: String,
        /// The plugin, and some of the methods that it has.
        message: String,
    },
    /// The input doesn't encode, or the method can't decode it. The handler was not started.
    #[error("the input is not valid{}: {}", place(path), Shown(message))]
    InvalidInput {
        /// The JSON path of the offending part; `.` is the input as a whole.
        path: String,
        /// What was expected there.
        message: String,
    },
    /// The encoded input exceeds the connection's limit of a frame. Nothing was sent.
    #[error("the input makes a frame of {size} bytes, and the limit is {limit}")]
    InputTooLarge {
        /// Size of the whole frame, in bytes.
        size: usize,
        /// The largest frame that the plugin takes, in bytes.
        limit: usize,
    },
    /// No plugin of that name is connected.
    #[error("no plugin named `{}` is connected", name.escape_debug())]
    NoPlugin {
        /// The name that was asked for.
        name: String,
    },
    /// A limit on work in progress is reached. Nothing was sent.
    #[error("too many calls in progress for the {scope}")]
    Overloaded {
        /// Whose limit it is.
        scope: Scope,
        /// How long to wait before the next attempt, if the refusing side says so.
        retry_after: Option<Duration>,
    },
    /// The caller may not make this call. The handler was not started.
    #[error("forbidden: {}", Shown(message))]
    Forbidden {
        /// The reason, from the side that forbids it.
        message: String,
    },
    /// A middleware of the hub failed without saying whether the method ran.
    #[error("a middleware failed: {}", Shown(message))]
    Middleware {
        /// The middleware's text.
        message: String,
    },
    /// The plugin is leaving and accepts no new calls.
    #[error("the plugin is draining")]
    Draining,
    /// The hub is shutting down and makes no new calls.
    #[error("the hub is shutting down")]
    ShuttingDown,
    /// The deadline passed before an answer arrived.
    #[error("the deadline passed with the call {stage}")]
    DeadlineExceeded {
        /// How far the call had come.
        stage: Stage,
    },
    /// The call was cancelled before an answer arrived: by its caller, or by the plugin although the
    /// deadline had not passed.
    #[error("cancelled with the call {stage}")]
    Cancelled {
        /// How far the call had come.
        stage: Stage,
    },
    /// The connection ended before an answer arrived.
    #[error("disconnected with the call {stage}: {reason}")]
    Disconnected {
        /// How far the call had come.
        stage: Stage,
        /// Why the connection ended.
        reason: DisconnectReason,
        /// The generation of the connection that the call was made on.
        generation: u64,
    },
}

impl CallError {
    /// Whether the handler ran. [`Execution::Never`] is a proof: a retry of such a call can't run
    /// the handler twice.
    pub fn execution(&self) -> Execution {
        match self {
            Self::Method(error) => error.execution(),
            Self::Panicked { .. } | Self::InvalidOutput { .. } => Execution::Completed,
            Self::MethodNotFound { .. }
            | Self::InvalidInput { .. }
            | Self::InputTooLarge { .. }
            | Self::NoPlugin { .. }
            | Self::Overloaded { .. }
            | Self::Forbidden { .. }
            | Self::Draining
            | Self::ShuttingDown => Execution::Never,
            Self::Middleware { .. } => Execution::Unknown,
            Self::DeadlineExceeded { stage }
            | Self::Cancelled { stage }
            | Self::Disconnected { stage, .. } => match stage {
                Stage::Queued | Stage::Expired => Execution::Never,
                Stage::Sent => Execution::Unknown,
            },
        }
    }

    /// Whether the deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::DeadlineExceeded { .. })
    }

    /// Whether there was no such plugin, or the plugin had no such method.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NoPlugin { .. } | Self::MethodNotFound { .. })
    }

    /// Whether the connection ended.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected { .. })
    }

    /// The method's own error, if the call ended in one.
    pub fn method_error(&self) -> Option<&MethodError> {
        match self {
            Self::Method(error) => Some(error),
            _ => None,
        }
    }
}

/// The place in an input, unless it is the whole.
fn place(path: &str) -> String {
    match path {
        "" | "." => String::new(),
        path => format!(" at `{}`", Shown(path)),
    }
}
