//! What can go wrong with the hub itself; see [`CallError`](crate::CallError) for calls.

use std::collections::BTreeMap;
use std::io;

use brpc_core::CallError;
use thiserror::Error;

/// Why the hub no longer serves a listener.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The listener failed for good. Connected plugins stay connected.
    #[error("the listener failed")]
    Listener(#[source] io::Error),
    /// The hub is shutting down; after that, it can serve again.
    #[error("the hub is shutting down")]
    ShuttingDown,
    /// Others than this host's programs can reach the listener, and the hub neither demands TLS nor
    /// authenticates anybody.
    #[error(
        "the listener can be reached from other hosts, and the hub neither encrypts nor \
         authenticates; set up TLS or an authenticator, listen on a loopback address or a Unix socket, \
         or say `allow_insecure()` to the hub's builder"
    )]
    Insecure,
    /// The listener demands TLS, and the hub has no settings for it.
    #[error(
        "the listener demands TLS, and the hub has no certificate; give one to the hub's builder \
         (`tls`, with the feature of that name)"
    )]
    NoTls,
}

/// Why a wait for plugins ended without them.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum WaitError {
    /// Some of the plugins did not connect within the timeout.
    #[error("not connected in time: {}; {}", few(&shown(missing), usize::MAX), who(connected, *is_served))]
    TimedOut {
        /// The names that were not connected.
        missing: Vec<String>,
        /// The names of all connected plugins, sorted.
        connected: Vec<String>,
        /// False if no plugin could have connected: the hub serves no listener, and no connection
        /// was ever attached to it.
        is_served: bool,
    },
    /// Fewer plugins that the selector matches connected within the timeout.
    #[error("{found} of {wanted} plugins connected in time: {selector}")]
    TooFew {
        /// How many were connected at the end.
        found: usize,
        /// How many were wanted.
        wanted: usize,
        /// The selector, as a text.
        selector: String,
    },
    /// The hub shut down.
    #[error("the hub shut down")]
    ShutDown,
}

/// Who was connected when a wait ended.
fn who(connected: &[String], is_served: bool) -> String {
    /// Enough to find a typo.
    const NAMES: usize = 5;
    match connected {
        [] if !is_served => "the hub serves no listener".to_owned(),
        [] => "connected: nobody".to_owned(),
        names => format!("connected: {}", few(&shown(names), NAMES)),
    }
}

/// Names as they can be shown, with escapes: they may be any text.
fn shown(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.escape_debug().to_string()).collect()
}

/// The first of some names, and how many more there are.
pub(crate) fn few(names: &[String], count: usize) -> String {
    let (first, more) = names.split_at(count.min(names.len()));
    let first = first.join(", ");
    if more.is_empty() { first } else { format!("{first} and {} more", more.len()) }
}

/// Fewer plugins succeeded than a broadcast needs; returned by
/// [`Broadcast::try_collect`](crate::Broadcast::try_collect).
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{} of {asked} plugins succeeded, and {wanted} were wanted", self.succeeded())]
#[non_exhaustive]
pub struct NotEnough<T> {
    /// How many plugins were called.
    pub asked: usize,
    /// How many had to succeed.
    pub wanted: usize,
    /// The outcomes that arrived before this was certain, by the name of the plugin.
    pub answers: BTreeMap<String, Result<T, CallError>>,
}

impl<T> NotEnough<T> {
    /// How many of the outcomes are outputs.
    pub fn succeeded(&self) -> usize {
        self.answers.values().filter(|answer| answer.is_ok()).count()
    }
}

/// Why a plugin could not be unplugged.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum UnplugError {
    /// No plugin of that name is connected, or was lately.
    #[error("no plugin named `{}` is connected", name.escape_debug())]
    NotFound {
        /// The name that was given.
        name: String,
    },
}
