//! That a driver has lent its transport.

use std::time::Instant;

/// That a transport is lent, while its driver passes events on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lent {
    /// Since when.
    pub(crate) since: Instant,
    /// Whether the deputy has moved bytes meanwhile; the stream then no longer wakes the driver.
    pub(crate) is_used: bool,
    /// How many bytes the deputy has read.
    pub(crate) read: usize,
}
