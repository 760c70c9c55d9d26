//! What a program says when it fails.

use std::error::Error;
use std::fmt;
use std::iter::successors;

/// Why `main` failed, in one line: `Error: can't connect to the hub at 127.0.0.1:8080: Connection
/// refused`.
///
/// `main` prints the `Debug` form of what it returns; that of an error itself is for programmers.
pub(crate) struct Report(String);

/// An error and its causes. Of brpc's errors only what the system said, of an address or a listener,
/// is a cause; all else is in the error's own text.
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
