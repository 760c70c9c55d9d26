//! Why JSON can't be used.

use thiserror::Error;

/// Why a payload can't be used, and where.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{}{}", place(path), super::Shown(message))]
#[non_exhaustive]
pub struct JsonError {
    /// The JSON path of the offending part; `.` is the payload as a whole.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl JsonError {
    /// An error of the part at this JSON path.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// An error of the payload as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self::at(".", message)
    }
}

/// The place of the error, unless it is the whole payload.
fn place(path: &str) -> String {
    if path == "." { String::new() } else { format!("at `{}`: ", super::Shown(path)) }
}
