//! How a call ended, before its bytes are decoded.

use brpc_core::{
    Answer, CallError, Failure, Metadata, MethodError, Response, Scope, Stage, Status,
};
use bytes::Bytes;

use crate::json;

/// How a call ended.
///
/// The session only passes this on; [`into_result`](Self::into_result) decodes an error's data, in
/// the caller's task.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// The plugin's answer, with its metadata.
    Answered(Answer, Metadata),
    /// It ended without an answer.
    Ended(CallError),
}

impl Settlement {
    /// The encoded output, or the error for the caller. `called` returns the names of the plugin
    /// and of the method that were called.
    ///
    /// # Errors
    /// Why there is no output.
    pub fn into_result<'a>(
        self,
        called: impl FnOnce() -> (&'a str, &'a str),
    ) -> Result<Response<Bytes>, CallError> {
        match self {
            Self::Answered(Ok(output), metadata) => {
                Ok(Response::new(output).with_metadata(metadata))
            }
            Self::Answered(Err(failure), metadata) => Err(into_error(failure, metadata, called())),
            Self::Ended(error) => Err(error),
        }
    }
}

/// The one place that maps a plugin's failure to the caller's error.
fn into_error(failure: Failure, metadata: Metadata, called: (&str, &str)) -> CallError {
    let Failure { status, code, message, data, .. } = failure;
    match status {
        Status::Method => {
            let error = MethodError::new(code, message).with_metadata(metadata);
            if data.is_empty() {
                return CallError::Method(error);
            }
            match json::decode(&data) {
                Ok(data) => CallError::Method(error.with_data(data)),
                Err(problem) => {
                    CallError::InvalidOutput { message: format!("the error's data: {problem}") }
                }
            }
        }
        Status::Panicked => CallError::Panicked { message },
        Status::InvalidOutput => CallError::InvalidOutput { message },
        Status::MethodNotFound => {
            let (plugin, method) = called;
            let said = if message.is_empty() { message } else { format!("; {message}") };
            let (plugin, shown) = (plugin.escape_debug(), method.escape_debug());
            let message = format!("the plugin `{plugin}` has no method `{shown}`{said}");
            CallError::MethodNotFound { method: method.to_owned(), message }
        }
        Status::InvalidInput => CallError::InvalidInput { path: code, message },
        Status::Overloaded => CallError::Overloaded { scope: Scope::Plugin, retry_after: None },
        Status::Draining => CallError::Draining,
        // The plugin's own decision: the session recognizes a deadline that has passed.
        Status::Expired => CallError::Cancelled { stage: Stage::Expired },
        Status::Cancelled => CallError::Cancelled { stage: Stage::Sent },
        Status::Forbidden => CallError::Forbidden { message },
        // `Unspecified` among them.
        _ => CallError::Method(MethodError::new(code, message).with_unknown_execution()),
    }
}
