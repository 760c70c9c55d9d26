//! How a call ended, before its bytes are decoded.

use brpc_core::{
    Answer, CallErrorKind, Failure, Metadata, MethodError, Response, Scope, Stage, Status,
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
    Ended(CallErrorKind),
}

impl Settlement {
    /// How many bytes of texts and payloads it keeps, beside itself.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Answered(answer, metadata) => {
                let pairs = metadata.iter().map(|(key, value)| PAIR + key.len() + value.len());
                let answer = match answer {
                    Ok(output) => output.len(),
                    Err(failure) => failure.code.len() + failure.message.len() + failure.data.len(),
                };
                answer + pairs.sum::<usize>()
            }
            Self::Ended(_) => 0,
        }
    }

    /// The encoded output, or the error for the caller. `method` returns the name of the
    /// method that was called.
    ///
    /// # Errors
    /// Why there is no output.
    pub fn into_result<'a>(
        self,
        method: impl FnOnce() -> &'a str,
    ) -> Result<Response<Bytes>, CallErrorKind> {
        match self {
            Self::Answered(Ok(output), metadata) => {
                Ok(Response::new(output).with_metadata(metadata))
            }
            Self::Answered(Err(failure), metadata) => Err(into_error(failure, metadata, method())),
            Self::Ended(error) => Err(error),
        }
    }
}

/// What two texts take beside their bytes.
const PAIR: usize = 2 * size_of::<String>();

/// The one place that maps a plugin's failure to the caller's error.
fn into_error(failure: Failure, metadata: Metadata, method: &str) -> CallErrorKind {
    let Failure { status, code, message, data, .. } = failure;
    match status {
        Status::Method => {
            let error = MethodError::new(code, message).with_metadata(metadata);
            if data.is_empty() {
                return CallErrorKind::Method(error);
            }
            // Data that can't be read takes neither the code nor the message with it.
            CallErrorKind::Method(match json::decode(&data) {
                Ok(data) => error.with_data(data),
                Err(why) => error.with_lost_data(why),
            })
        }
        Status::Panicked => CallErrorKind::Panicked { message },
        Status::InvalidOutput => CallErrorKind::InvalidOutput { message },
        Status::MethodNotFound => {
            let said = if message.is_empty() { message } else { format!("; {message}") };
            let message = format!("the plugin has no method `{}`{said}", method.escape_debug());
            CallErrorKind::MethodNotFound { method: method.to_owned(), message }
        }
        Status::InvalidInput => CallErrorKind::InvalidInput { path: code, message },
        Status::Overloaded => CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None },
        Status::Draining => CallErrorKind::Draining,
        // The plugin's own decision: the session recognizes a deadline that has passed.
        Status::Expired => CallErrorKind::Cancelled { stage: Stage::Expired },
        Status::Cancelled => CallErrorKind::Cancelled { stage: Stage::Sent },
        Status::Forbidden => CallErrorKind::Forbidden { message },
        // `Unspecified` among them.
        _ => CallErrorKind::Method(MethodError::new(code, message).with_unknown_execution()),
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
            let error = settlement.into_result(|| "method").unwrap_err();
            let CallErrorKind::Method(error) = error else { panic!("{error:?}") };
            assert_eq!((error.code(), error.message(), error.data()), ("full", "no room", None));
            assert_eq!(error.metadata(), &metadata);
            assert!(error.lost_data().is_some());
            assert!(error.to_string().starts_with("no room (its data can't be read: "), "{error}");
        }
    }
}
