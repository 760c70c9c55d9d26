//! What can go wrong with the hub itself; see [`CallError`](crate::CallError) for calls.

use std::io;

use thiserror::Error;

/// Why a listener is not served any more.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The listener failed for good. Plugins that are connected stay so.
    #[error("the listener failed")]
    Listener(#[source] io::Error),
    /// The hub is shutting down; when that is over, it can serve again.
    #[error("the hub is shutting down")]
    ShuttingDown,
}

/// Why a wait for plugins ended without them.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum WaitError {
    /// The time was over.
    #[error("not connected in time: {}", missing.join(", "))]
    TimedOut {
        /// The names that were not connected.
        missing: Vec<String>,
    },
    /// The hub shut down.
    #[error("the hub shut down")]
    ShutDown,
}

/// Why a plugin could not be unplugged.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum UnplugError {
    /// No plugin of that name is connected.
    #[error("no plugin named `{name}` is connected")]
    NotFound {
        /// The name that was asked for.
        name: String,
    },
}
