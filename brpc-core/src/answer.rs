//! A plugin's answer to one call, as it is sent to the hub.

use bytes::Bytes;
use thiserror::Error;

use crate::error::Shown;

/// The encoded output of a method, or its failure.
pub type Answer = Result<Bytes, Failure>;

/// Why a plugin has no output for a call.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{status:?}: {}", Shown(message))]
#[non_exhaustive]
pub struct Failure {
    /// What happened.
    pub status: Status,
    /// For [`Status::Method`] the error's code; for [`Status::InvalidInput`] the JSON path;
    /// else empty.
    pub code: String,
    /// For people; may be empty.
    pub message: String,
    /// For [`Status::Method`] the error's data, as JSON; empty if there is none.
    pub data: Bytes,
}

/// What happened to a call that has no output.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Status {
    /// The method returned an error.
    Method,
    /// The call failed, and it is unknown whether the method returned an error or never ran. Only
    /// from wires that can't say more.
    Unspecified,
    /// The handler panicked.
    Panicked,
    /// The handler's output can't be sent.
    InvalidOutput,
    /// No method of that number; the handler was not started.
    MethodNotFound,
    /// The input doesn't decode; the handler was not started.
    InvalidInput,
    /// The plugin is overloaded; the handler was not started.
    Overloaded,
    /// The plugin is leaving; the handler was not started.
    Draining,
    /// The deadline had passed on arrival; the handler was not started.
    Expired,
    /// The handler was stopped before its end, or never started, because the call was cancelled.
    Cancelled,
    /// The caller may not do this; the handler was not started.
    Forbidden,
}

impl Failure {
    /// A failure with nothing but a text.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, code: String::new(), message: message.into(), data: Bytes::new() }
    }

    /// The same, with this [`code`](Self::code).
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// The same, with this [`data`](Self::data).
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Bytes>) -> Self {
        self.data = data.into();
        self
    }
}

impl From<crate::MethodError> for Failure {
    fn from(error: crate::MethodError) -> Self {
        let data = error.data().map_or_else(Bytes::new, |data| data.to_string().into());
        Self {
            status: Status::Method,
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            data,
        }
    }
}
