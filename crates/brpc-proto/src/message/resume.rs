//! Calls that outlive their connection.

use std::time::Duration;

use brpc_core::DisconnectReason;

use super::id::CallId;

/// Which call: the connection on which it was sent as a call, and its id there. It stays the same
/// when the call goes on over another connection, under another id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Origin {
    /// The number of the connection.
    pub generation: u64,
    /// The id of the call there.
    pub id: CallId,
}

/// How a call outlives its connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resumable {
    /// How long after the loss of a connection the call may go on over another one.
    pub window: Duration,
    /// What it has behind it. It isn't sent.
    pub course: Course,
}

/// What a resumable call has behind it, when a connection gets it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Course {
    /// Nothing.
    New,
    /// An earlier connection had accepted it, and the plugin has never received it.
    Again,
    /// The plugin has it.
    GoesOn(Continued),
}

/// A call that goes on over another connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Continued {
    /// Which call.
    pub origin: Origin,
    /// Why the connection before was lost: what the call ends in if it can't go on.
    pub reason: DisconnectReason,
}

/// What a plugin still knows of earlier connections; all of it, or a part.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recalled {
    /// Connections, each with the id of the newest call that has arrived over it: no call with a
    /// higher id has. Nothing is said of connections that aren't listed.
    pub seen: Vec<Origin>,
    /// The calls that it still runs, or of which it holds the answer.
    pub kept: Vec<Origin>,
    /// Whether this is all, or the last part.
    pub is_last: bool,
}
