//! What a program says when it fails.

use std::error::Error;
use std::fmt;
use std::iter::successors;

/// Why `main` failed, in one line: `Error: can't connect to the hub: Connection refused`.
///
/// `main` prints the `Debug` form of what it returns; that of an error itself is for programmers.
pub(crate) struct Report(String);

/// An error and its causes. A brpc error speaks of its own level only: what a method said, or why
/// a connection failed, is in its source.
pub(crate) fn chain(error: &dyn Error) -> String {
    let levels = successors(Some(error), |&error| error.source());
    levels.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl<E: Into<Box<dyn Error>>> From<E> for Report {
    fn from(error: E) -> Self {
        Self(chain(&*error.into()))
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
