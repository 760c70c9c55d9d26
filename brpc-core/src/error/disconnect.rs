//! Why a connection ended.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::ProtocolError;

/// Why a connection ended, from the view of the side that reports it.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The peer sent Goodbye first.
    #[error("the peer said goodbye")]
    Clean,
    /// The stream ended between two frames without a goodbye, as when the peer's process is killed.
    #[error("the peer closed the connection without a goodbye")]
    Unclean,
    /// The transport failed.
    #[error("the connection was reset")]
    Reset,
    /// The stream ended inside a frame.
    #[error("the connection ended inside a frame")]
    MidFrame,
    /// The peer read bytes too slowly, or none at all, while some were due.
    #[error("the peer reads too slowly")]
    SlowConsumer,
    /// The peer began a frame and sent the rest of it too slowly.
    #[error("the peer sends too slowly")]
    SlowSender,
    /// Nothing was heard of a side for too long: it was stopped, or the way from it to the other one
    /// is cut. Both sides end for this reason, if the one that was not heard learns of it. See
    /// [`Limits::heartbeat`](crate::Limits::heartbeat).
    #[error("nothing was heard of {side} for {silent:.1?}")]
    HeartbeatTimeout {
        /// Who was not heard.
        side: Side,
        /// For how long, on the clock of the other side.
        silent: Duration,
    },
    /// The peer took calls and answered none, until it had no place for another and nobody waited
    /// for those. See [`Limits::answer_window`](crate::Limits::answer_window).
    #[error("the peer answers no calls")]
    Unresponsive,
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    Protocol(ProtocolError),
    /// The peer ended the connection because this side broke the protocol, was too slow, or
    /// answered no calls.
    #[error("cut off by the peer, which reports a breach of the protocol or a stall")]
    Rejected,
    /// The hub refused the plugin.
    #[error("not let in")]
    Refused,
    /// The hub asked this plugin to leave.
    #[error("unplugged")]
    Unplugged,
    /// The hub shut down, and the plugin left in time.
    #[error("the hub shut down")]
    Shutdown,
    /// The hub shut down, and the plugin was cut off.
    #[error("the hub shut down without waiting any longer")]
    ShutdownForced,
    /// Another connection has the plugin's name now: of the same instance, which had lost this one,
    /// or of another that the hub prefers.
    #[error("another connection took the plugin's name over")]
    Replaced,
    /// The hub knows this plugin no more, or lets it do less: what it was let in for was revoked.
    #[error("what the plugin was let in for was revoked")]
    Revoked,
}

/// One side of a connection, from the view of the one that reports it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Side {
    /// The other side.
    Peer,
    /// The one that reports it.
    This,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer => "the peer",
            Self::This => "this side",
        })
    }
}

impl DisconnectReason {
    /// Whether one side announced the end of the connection.
    pub fn is_graceful(self) -> bool {
        matches!(self, Self::Clean | Self::Unplugged | Self::Shutdown)
    }
}
