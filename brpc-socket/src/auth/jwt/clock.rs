//! The time of day, which the dates in a JWT are compared with.

use std::time::{Duration, SystemTime};

/// The time since 1970, by this system's clock.
pub(super) fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
