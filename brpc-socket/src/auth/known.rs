//! What an authenticator was given, or reads from a file.

use std::fmt;
use std::future::pending;
use std::path::Path;
use std::sync::Arc;

use super::watched::{ReadError, Watched};

/// Something that stays as it is, or that is in a file and read again when that changes.
#[derive(Debug)]
pub(super) enum Known<T, E> {
    Always(Arc<T>),
    File(Watched<T, E>),
}

impl<T, E: fmt::Display> Known<T, E>
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// What was given.
    pub(super) fn always(known: T) -> Self {
        Self::Always(Arc::new(known))
    }

    /// It as it is now.
    pub(super) fn current(&self) -> Arc<T> {
        match self {
            Self::Always(known) => known.clone(),
            Self::File(watched) => watched.current(),
        }
    }

    /// Waits until it may be another one.
    pub(super) async fn changed(&self) {
        match self {
            Self::Always(_) => pending().await,
            Self::File(watched) => watched.changed().await,
        }
    }
}

impl<T, E: fmt::Display> Known<Vec<T>, E>
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// What is in a file: at the start one at least, else this is the mistake. Later there may be none,
    /// if the file says that on purpose.
    pub(super) fn file(
        path: &Path,
        parse: impl Fn(&str) -> Result<Vec<T>, E> + Send + Sync + 'static,
        none: E,
    ) -> Result<Self, ReadError<E>> {
        let watched = Watched::open(path, move |text, _| parse(text))?;
        if watched.current().is_empty() {
            return Err(ReadError::Invalid(none));
        }
        Ok(Self::File(watched))
    }
}
