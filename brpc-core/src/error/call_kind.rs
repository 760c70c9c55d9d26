//! The ways in which a call may end without an output.

use std::fmt;
use std::time::Duration;

use super::{DisconnectReason, Execution, MethodError, Scope, Shown, Stage};

/// Why a call ended without an output; [`CallError::kind`](super::CallError::kind) has it.
///
/// It says nothing of which call that was, so it is no error itself; it converts into a `CallError`.
/// In its `Display`, texts of the plugin are shown in one line, with escapes; the fields have them as
/// they arrived.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// The method itself returned an error.
    Method(MethodError),
    /// The handler panicked. The plugin and its other calls go on.
    Panicked {
        /// The panic's text, at most 4 KiB of it.
        message: String,
    },
    /// The handler ran, but its output could not be encoded, is larger than the limit of a frame,
    /// or doesn't decode as the type that the caller asked for.
    InvalidOutput {
        /// What is wrong with it, with the JSON path where one is known.
        message: String,
    },
    /// The plugin has no such method.
    MethodNotFound {
        /// The name that was asked for.
        method: String,
        /// What the plugin has instead, or says.
        message: String,
    },
    /// The input doesn't encode, or the method can't decode it. The handler was not started.
    InvalidInput {
        /// The JSON path of the offending part; `.` is the input as a whole.
        path: String,
        /// What was expected there.
        message: String,
    },
    /// The encoded input exceeds the connection's limit of a frame. Nothing was sent.
    InputTooLarge {
        /// Size of the whole frame, in bytes.
        size: usize,
        /// The largest frame that the plugin takes, in bytes.
        limit: usize,
    },
    /// No plugin of that name is connected.
    NoPlugin {
        /// The name that was asked for.
        name: String,
    },
    /// A limit on work in progress is reached. Nothing was sent.
    Overloaded {
        /// Whose limit it is.
        scope: Scope,
        /// How long to wait before the next attempt, if the refusing side says so.
        retry_after: Option<Duration>,
    },
    /// The caller may not make this call. The handler was not started.
    Forbidden {
        /// The reason, from the side that forbids it.
        message: String,
    },
    /// A middleware of the hub failed without saying whether the method ran.
    Middleware {
        /// The middleware's text.
        message: String,
    },
    /// The plugin is leaving and accepts no new calls.
    Draining,
    /// The hub is shutting down and makes no new calls.
    ShuttingDown,
    /// The deadline passed before an answer arrived.
    DeadlineExceeded {
        /// How far the call had come.
        stage: Stage,
    },
    /// The call was cancelled before an answer arrived: by its caller, or by the plugin although the
    /// deadline had not passed.
    Cancelled {
        /// How far the call had come.
        stage: Stage,
    },
    /// The connection ended before an answer arrived.
    Disconnected {
        /// How far the call had come.
        stage: Stage,
        /// Why the connection ended.
        reason: DisconnectReason,
        /// The generation of the connection that the call was made on.
        generation: u64,
    },
}

impl CallErrorKind {
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
}

impl fmt::Display for CallErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(error) => error.fmt(f),
            Self::Panicked { message } => write!(f, "the method panicked: {}", Shown(message)),
            Self::InvalidOutput { message } => {
                write!(f, "the method's output is not usable: {}", Shown(message))
            }
            Self::MethodNotFound { message, .. } => Shown(message).fmt(f),
            Self::InvalidInput { path, message } => {
                write!(f, "the input is not valid{}: {}", place(path), Shown(message))
            }
            Self::InputTooLarge { size, limit } => {
                write!(f, "the input makes a frame of {size} bytes, and the limit is {limit}")
            }
            Self::NoPlugin { name } => {
                write!(f, "no plugin named `{}` is connected", name.escape_debug())
            }
            Self::Overloaded { scope, .. } => {
                write!(f, "too many calls in progress for the {scope}")
            }
            Self::Forbidden { message } => write!(f, "forbidden: {}", Shown(message)),
            Self::Middleware { message } => write!(f, "a middleware failed: {}", Shown(message)),
            Self::Draining => f.write_str("the plugin is draining"),
            Self::ShuttingDown => f.write_str("the hub is shutting down"),
            Self::DeadlineExceeded { stage } => {
                write!(f, "the deadline passed with the call {stage}")
            }
            Self::Cancelled { stage } => write!(f, "cancelled with the call {stage}"),
            Self::Disconnected { stage, reason, .. } => {
                write!(f, "disconnected with the call {stage}: {reason}")
            }
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
