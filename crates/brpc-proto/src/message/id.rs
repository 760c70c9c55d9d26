//! Which call.

/// Identifies a call on its connection. Counts up from 1 and is never reused.
pub type CallId = u64;
