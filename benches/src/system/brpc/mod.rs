//! brpc itself.

mod churn;
mod described;
mod emitter;
mod hub;
mod plugin;

pub(crate) use hub::BrpcHub;
#[cfg(feature = "go")]
pub(crate) use plugin::name;
pub(crate) use plugin::{Described, dial};

use brpc::{Limits, Socket};

use crate::flags::Setup;

/// A hub with the defaults, and the limits that the flags need.
fn socket(setup: &Setup) -> Socket {
    let message = setup.payload as usize + OTHERS;
    let in_progress = setup.connections as usize * setup.inflight as usize * message;
    Socket::builder().limits(limits(setup)).max_held_bytes(in_progress.max(256 << 20)).build()
}

/// The default limits, and places for as many calls as the flags want in flight.
fn limits(setup: &Setup) -> Limits {
    let (inflight, message) = (setup.inflight as usize, setup.payload as usize + OTHERS);
    let mut limits = Limits::default();
    limits.max_calls = limits.max_calls.max(inflight);
    limits.queue_calls = limits.queue_calls.max(inflight);
    limits.queue_bytes = limits.queue_bytes.max(inflight * message);
    limits.max_frame = limits.max_frame.max(message);
    limits
}

/// More than a message has beside its data.
const OTHERS: usize = 1 << 10;
