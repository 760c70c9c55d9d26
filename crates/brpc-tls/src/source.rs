//! Where certificates and keys come from.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::TlsSettingsError;

/// A file, or bytes that were given.
#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

impl Source {
    pub(crate) fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Bytes(_) => None,
        }
    }

    pub(crate) fn read(&self) -> Result<Arc<[u8]>, TlsSettingsError> {
        match self {
            Self::File(path) => match fs::read(path) {
                Ok(bytes) => Ok(bytes.into()),
                Err(error) => Err(TlsSettingsError::Unreadable {
                    path: path.clone(),
                    reason: error.to_string(),
                }),
            },
            Self::Bytes(bytes) => Ok(bytes.clone()),
        }
    }

    /// The error that something else was expected in it.
    pub(crate) fn malformed(
        &self,
        expected: &'static str,
        reason: impl fmt::Display,
    ) -> TlsSettingsError {
        TlsSettingsError::Malformed {
            origin: self.to_string(),
            expected,
            reason: reason.to_string(),
        }
    }
}

/// Never the content: it may be a key.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Bytes(_) => f.write_str("what was given as bytes"),
        }
    }
}
