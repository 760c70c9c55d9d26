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
            // Data that can't be read takes neither the code nor the message with it.
            CallError::Method(match json::decode(&data) {
                Ok(data) => error.with_data(data),
                Err(why) => error.with_lost_data(why),
            })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The code and the message arrive, whatever the data is; what is lost is said.
    #[test]
    fn data_that_cannot_be_read_takes_nothing_with_it() {
        let deep = ["[".repeat(65), "]".repeat(65)].concat();
        for data in [deep.as_bytes(), b"[1, 2", b"\"caf\xe9\"", b"1 2", b"word"] {
            let failure = Failure::new(Status::Method, "no room").with_code("full");
            let metadata = Metadata::from_iter([("trace", "t")]);
            let answer = Err(failure.with_data(data.to_vec()));
            let settlement = Settlement::Answered(answer, metadata.clone());
            let error = settlement.into_result(|| ("plugin", "method")).unwrap_err();
            let CallError::Method(error) = error else { panic!("{error:?}") };
            assert_eq!((error.code(), error.message(), error.data()), ("full", "no room", None));
            assert_eq!(error.metadata(), &metadata);
            assert!(error.lost_data().is_some());
            assert!(error.to_string().starts_with("no room (its data can't be read: "), "{error}");
        }
    }
}
