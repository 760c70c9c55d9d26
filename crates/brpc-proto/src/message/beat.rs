//! What heartbeats carry.

use std::time::Duration;

/// What a side tells the other in a Ping, and in the Pong that answers it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Beat {
    /// In a Ping, its number, which rises; in a Pong, that of the newest Ping that has arrived.
    pub number: u64,
    /// How many bytes of the other side's stream this side has taken.
    pub received: u64,
    /// For how long this side has not passed on what arrived, as while a handler blocks it; zero if
    /// it does.
    pub stuck: Duration,
}
