//! Why a side says goodbye, or asks the other to.

use brpc_core::DisconnectReason;

/// Why the hub asks a plugin to leave.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DrainCause {
    /// This plugin is not wanted any more.
    Unplug,
    /// The hub shuts down.
    Shutdown,
}

/// Why a side says goodbye, as the other side is told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Farewell {
    /// It has done what it was asked to, or leaves by its own wish.
    Done,
    /// The hub cut off a plugin that it had asked to leave.
    Unplugged,
    /// The hub shuts down and waits no longer.
    ShuttingDown,
    /// The other side broke the protocol.
    Protocol,
    /// The other side is too slow.
    TooSlow,
    /// A code that this version doesn't know.
    Other(u16),
}

impl Farewell {
    /// What the peer is told when this side ends the connection; nothing if it is gone already.
    pub(crate) fn of(reason: DisconnectReason) -> Option<Self> {
        Some(match reason {
            DisconnectReason::Clean => Self::Done,
            DisconnectReason::Unplugged => Self::Unplugged,
            DisconnectReason::Shutdown | DisconnectReason::ShutdownForced => Self::ShuttingDown,
            DisconnectReason::Protocol(_) => Self::Protocol,
            DisconnectReason::SlowConsumer | DisconnectReason::SlowSender => Self::TooSlow,
            _ => return None,
        })
    }
}
