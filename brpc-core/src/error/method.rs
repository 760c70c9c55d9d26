//! The error that a plugin's method returns: data on the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{Execution, JsonError};
use crate::Metadata;

/// An error that a plugin's method returned: a code for programs, a message for people and,
/// if need be, data.
///
/// An error type that converts into this (`impl From<MyError> for MethodError`) reaches the caller
/// with its code and data; any other error type reaches it with the code
/// [`UNSPECIFIED`](Self::UNSPECIFIED) and the text of its `Display`, with its sources as far as
/// they are known. An empty message is still an error.
///
/// Its `Display` shows the message in one line, with escapes; [`message`](Self::message) has it as it
/// arrived.
///
/// Whether the method ran, and the metadata, belong to the call and not to the error: they are not
/// serialized, but two errors are equal only if they are equal in these too.
#[derive(Clone, Debug, Deserialize, Error, PartialEq, Serialize)]
#[error("{}{}", super::Shown(words(message)), missing(lost_data.as_deref()))]
pub struct MethodError {
    code: String,
    message: String,
    /// Boxed, because it is rare and every outcome of a call has space for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<Value>>,
    /// Why the data that came is not there. Boxed, because it is rarer still.
    #[serde(skip)]
    lost_data: Option<Box<JsonError>>,
    /// The metadata of the answer.
    #[serde(skip)]
    metadata: Metadata,
    /// Whether the method is known to have run.
    #[serde(skip, default = "completed")]
    execution: Execution,
}

fn words(message: &str) -> &str {
    if message.is_empty() { "an error without a message" } else { message }
}

fn missing(lost_data: Option<&JsonError>) -> String {
    lost_data.map_or_else(String::new, |why| format!(" (its data can't be read: {why})"))
}

fn completed() -> Execution {
    Execution::Completed
}

impl MethodError {
    /// The code of an error that has none of its own.
    pub const UNSPECIFIED: &'static str = "error";

    /// The longest code, in bytes; a longer one is cut.
    pub const MAX_CODE: usize = 128;

    /// An error with a code, for programs to branch on, and a message for people.
    ///
    /// A code of more than [`MAX_CODE`](Self::MAX_CODE) bytes and a message of more than
    /// [`MAX_ERROR_TEXT`](super::MAX_ERROR_TEXT) bytes are cut.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let (mut code, mut message) = (code.into(), message.into());
        super::cut(&mut code, Self::MAX_CODE);
        super::cut(&mut message, super::MAX_ERROR_TEXT);
        let (metadata, execution) = (Metadata::new(), completed());
        Self { code, message, data: None, lost_data: None, metadata, execution }
    }

    /// Adds data, for programs.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(Box::new(data));
        self
    }

    /// The code, for programs to branch on.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The data, if the method gave any.
    pub fn data(&self) -> Option<&Value> {
        self.data.as_deref()
    }

    /// Why the data is missing, if the error came with data that can't be read: that isn't JSON, or is
    /// too deep.
    pub fn lost_data(&self) -> Option<&JsonError> {
        self.lost_data.as_deref()
    }

    /// The metadata of the answer that carried the error, for the caller.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Whether the method ran: [`Execution::Completed`], unless the plugin speaks a wire that can't
    /// tell the method's own error from that of a call which never reached it.
    pub fn execution(&self) -> Execution {
        self.execution
    }

    /// The same error from a wire that can't tell whether the method ran.
    #[must_use]
    pub fn with_unknown_execution(mut self) -> Self {
        self.execution = Execution::Unknown;
        self
    }

    /// The same error without its data, which can't be read.
    #[must_use]
    pub fn with_lost_data(mut self, why: JsonError) -> Self {
        self.data = None;
        self.lost_data = Some(Box::new(why));
        self
    }

    /// The same error, with the metadata of the answer.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a22_long_texts_are_cut_at_a_character() {
        let error = MethodError::new("c".repeat(200), "ä".repeat(4000));
        assert_eq!(error.code().len(), MethodError::MAX_CODE);
        assert_eq!(error.message().len(), super::super::MAX_ERROR_TEXT);
        let error = MethodError::new("", format!("a{}", "ä".repeat(4000)));
        assert_eq!(error.message().len(), super::super::MAX_ERROR_TEXT - 1);
    }

    #[test]
    fn a22_a_text_is_whole_and_shown_in_one_line() {
        let text = "no\r\n\u{1b}[2Jok";
        let error = MethodError::new("c", text);
        assert_eq!(error.message(), text);
        assert_eq!(error.to_string(), r"no\r\n\u{1b}[2Jok");
    }
}
