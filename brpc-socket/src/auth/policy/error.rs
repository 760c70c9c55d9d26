//! Why a policy can't be loaded.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a [`Policy`](super::Policy) can't be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file can't be read.
    #[error("can't read the policy in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The file has a mistake.
    #[error("{}: {mistake}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The first mistake.
        mistake: PolicyMistake,
    },
}

/// A mistake in a policy: where, and what was expected. It quotes nothing of the file but names of
/// identities, since a credential may stand where it doesn't belong.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("line {line}, column {column}: {message}")]
#[non_exhaustive]
pub struct PolicyMistake {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl PolicyMistake {
    /// A mistake at a byte of the text.
    pub(super) fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let (line, start) = match before.rfind('\n') {
            Some(end) => (before.matches('\n').count() + 1, end + 1),
            None => (1, 0),
        };
        let column = before[start..].chars().count() + 1;
        Self { line, column, message: message.into() }
    }
}
