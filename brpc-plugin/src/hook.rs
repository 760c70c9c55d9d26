//! The sender of events.

/// Sends events to the hub.
#[derive(Clone, Debug, Default)]
pub struct AsyncHook {}
