//! Why a plugin's run ended.

use std::fmt;
use std::time::Duration;

use brpc_core::{DisconnectReason, Refusal};
use brpc_proto::DrainCause;

/// Why a plugin's run ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EndReason {
    /// The plugin stopped by itself; see [`Handle`](crate::Handle).
    Stopped,
    /// The hub unplugged this plugin.
    Unplugged {
        /// The trace id of the request; may be empty.
        trace: String,
        /// How long to wait at least before connecting again; `None` if the plugin is to stay away.
        retry_after: Option<Duration>,
    },
    /// The hub shut down.
    Shutdown {
        /// The trace id of the request; may be empty.
        trace: String,
        /// How long to wait at least before connecting again, if the hub said so. A hub says so to each
        /// of its plugins, and something else, so that they don't come back all at once.
        retry_after: Option<Duration>,
    },
    /// The hub refused the plugin. Only on a wire where a refusal can arrive after
    /// [`connect`](crate::Plugin::connect) has returned; otherwise `connect` returns it.
    Refused(Refusal),
    /// The connection ended without an announcement.
    Lost(DisconnectReason),
}

impl EndReason {
    /// Whether the plugin or the hub ended the run, and announced it.
    pub fn is_graceful(&self) -> bool {
        !matches!(self, Self::Lost(_) | Self::Refused(_))
    }

    /// Whether it makes sense to connect again: the hub restarts or expects the plugin back, or the
    /// network failed; see [`ConnectError::is_transient`](crate::ConnectError::is_transient) for
    /// attempts that fail. A hub of the Go package says [`Unplugged`](Self::Unplugged) when it
    /// restarts, too.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Stopped | Self::Unplugged { retry_after: None, .. } => false,
            Self::Refused(refusal) => refusal.is_transient(),
            Self::Unplugged { .. } | Self::Shutdown { .. } | Self::Lost(_) => true,
        }
    }

    /// How long the plugin is to stay away at least, if the hub said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unplugged { retry_after, .. } | Self::Shutdown { retry_after, .. } => {
                *retry_after
            }
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// What the end of a connection means, given the requests before it.
    pub(crate) fn new(
        reason: DisconnectReason,
        drain: Option<(DrainCause, String)>,
        retry_after: Option<Duration>,
        was_stopped: bool,
    ) -> Self {
        let trace_of = |drain: Option<(DrainCause, String)>| drain.map(|(_, trace)| trace);
        match (reason, drain) {
            (DisconnectReason::Clean, Some((DrainCause::Unplug, trace))) => {
                Self::Unplugged { trace, retry_after }
            }
            (DisconnectReason::Clean, Some((DrainCause::Shutdown, trace))) => {
                Self::Shutdown { trace, retry_after }
            }
            (DisconnectReason::Unplugged, drain) => {
                Self::Unplugged { trace: trace_of(drain).unwrap_or_default(), retry_after }
            }
            (DisconnectReason::Shutdown | DisconnectReason::ShutdownForced, drain) => {
                Self::Shutdown { trace: trace_of(drain).unwrap_or_default(), retry_after }
            }
            (DisconnectReason::Clean, None) if was_stopped => Self::Stopped,
            (reason, _) => Self::Lost(reason),
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Unplugged { retry_after: None, .. } => f.write_str("unplugged by the hub"),
            Self::Unplugged { .. } => f.write_str("unplugged by the hub, which expects it back"),
            Self::Shutdown { .. } => f.write_str("the hub shut down"),
            Self::Refused(refusal) => write!(f, "refused by the hub: {refusal}"),
            Self::Lost(reason) => write!(f, "{reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use brpc_core::RefusalCode;

    use super::*;

    #[test]
    fn after_which_ends_a_plugin_comes_back_and_when() {
        let later = Some(Duration::from_secs(7));
        let refused = |code| Refusal::new(code, "no");
        let unplugged = |retry_after| EndReason::Unplugged { trace: String::new(), retry_after };
        let shutdown = |retry_after| EndReason::Shutdown { trace: String::new(), retry_after };
        for (reason, is_transient, wait) in [
            (EndReason::Stopped, false, None),
            (unplugged(None), false, None),
            (unplugged(later), true, later),
            (shutdown(None), true, None),
            (shutdown(later), true, later),
            (EndReason::Refused(refused(RefusalCode::BadName)), false, None),
            (EndReason::Refused(refused(RefusalCode::Full)), true, None),
            (EndReason::Lost(DisconnectReason::Unclean), true, None),
            (EndReason::Lost(DisconnectReason::Rejected), true, None),
            // Perhaps by a dial of its own that it had given up, of which a hub that was stopped
            // learns late.
            (EndReason::Lost(DisconnectReason::Replaced), true, None),
        ] {
            let said = (reason.is_transient(), reason.retry_after());
            assert_eq!(said, (is_transient, wait), "{reason:?}");
        }
    }
}
