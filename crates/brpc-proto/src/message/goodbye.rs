//! Why a side sends Goodbye, or asks the other side to leave.

use std::time::Duration;

use brpc_core::DisconnectReason;

/// Why the hub asks a plugin to leave.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DrainCause {
    /// The plugin is unplugged.
    Unplug,
    /// The hub shuts down.
    Shutdown,
}

/// The reason in a Goodbye.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Farewell {
    /// The plugin leaves, after Drain or by itself.
    Done,
    /// The hub cut off a plugin that it had asked to leave.
    Unplugged,
    /// The hub shuts down and waits no longer.
    ShuttingDown,
    /// The other side broke the protocol.
    Protocol,
    /// The other side is too slow.
    TooSlow,
    /// Another connection has the plugin's name now.
    Replaced,
    /// Nothing was heard of the other side for so long, which is too long.
    Silent(Duration),
    /// The other side took calls and answered none.
    Unresponsive,
    /// What the plugin was let in for doesn't hold any more.
    Revoked,
    /// A code that this version doesn't know.
    Other(u16),
}

impl Farewell {
    /// What this side sends when it ends the connection; nothing if the peer is gone already.
    pub(crate) fn of(reason: DisconnectReason) -> Option<Self> {
        Some(match reason {
            DisconnectReason::Clean => Self::Done,
            DisconnectReason::Unplugged => Self::Unplugged,
            DisconnectReason::Shutdown | DisconnectReason::ShutdownForced => Self::ShuttingDown,
            DisconnectReason::Protocol(_) => Self::Protocol,
            DisconnectReason::SlowConsumer | DisconnectReason::SlowSender => Self::TooSlow,
            DisconnectReason::Replaced => Self::Replaced,
            DisconnectReason::HeartbeatTimeout { silent, .. } => Self::Silent(silent),
            DisconnectReason::Unresponsive => Self::Unresponsive,
            DisconnectReason::Revoked => Self::Revoked,
            _ => return None,
        })
    }
}
