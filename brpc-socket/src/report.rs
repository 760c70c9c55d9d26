//! How plugins left that were asked to.

use brpc_core::DisconnectReason;
use brpc_proto::Tally;

use crate::plugin_ref::PluginRef;

/// How one plugin left.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DrainReport {
    /// The plugin.
    pub plugin: PluginRef,
    /// How its connection ended.
    pub reason: DisconnectReason,
    /// Calls that it answered after it was asked to leave.
    pub finished: usize,
    /// Calls that were cut off; each ended in [`Disconnected`](crate::CallErrorKind::Disconnected).
    pub cut: usize,
    /// Whether the plugin had not left when the grace period was over, and was cut off.
    pub overstayed: bool,
}

impl DrainReport {
    /// Whether the plugin left by itself and no call was cut off.
    pub fn is_clean(&self) -> bool {
        self.reason.is_graceful() && self.cut == 0 && !self.overstayed
    }

    /// Of a plugin whose connection was lost before, with calls that wait for it.
    pub(crate) fn of_absent(plugin: PluginRef, cut: usize) -> Self {
        let reason = plugin.end().unwrap_or(DisconnectReason::Unclean);
        Self { plugin, reason, finished: 0, cut, overstayed: false }
    }

    pub(crate) fn new(plugin: PluginRef, (reason, tally): (DisconnectReason, Tally)) -> Self {
        let Tally { finished, cut, overstayed, .. } = tally;
        Self { plugin, reason, finished, cut, overstayed }
    }
}

/// How a shutdown went.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How each connected plugin left; and each whose connection was lost before, if calls waited for
    /// it.
    pub plugins: Vec<DrainReport>,
}

impl ShutdownReport {
    /// Whether every plugin left by itself and no call was cut off.
    pub fn is_clean(&self) -> bool {
        self.plugins.iter().all(DrainReport::is_clean)
    }
}
