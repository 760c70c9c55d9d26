//! The runtime of one brpc connection, shared by the hub and the plugin. It is not an interface for
//! users; they use `brpc-socket` and `brpc-plugin`.
//!
//! The state machine of a connection ([`brpc_proto::Connection`]) knows no sockets and no clock;
//! this crate adds both. [`SharedConnection`] puts it behind one lock that is never held across an await, and
//! [`drive`] moves its bytes. [`PendingCall`] makes calls, and `serving::Handlers`, with the
//! feature `serving`, serves them.

mod budget;
mod calling;
mod close;
mod deputy;
mod driver;
pub mod foreign;
mod gathering;
mod inbox;
mod lane;
mod link;
mod lookout;
pub mod middleware;
mod place;
mod prefixed;
mod random;
#[cfg(feature = "serving")]
pub mod serving;
mod shared;
mod slot;
mod timer;
mod transport;
mod unsent;

use std::future::Future;
use std::pin::Pin;

pub use budget::{Budget, Charge};
pub use calling::{Canceller, PendingCall, Route, resubmit, suspend};
pub use driver::{HandedOver, drive};
pub use lane::Lane;
pub use link::Link;
/// Runs a future in a task of its own, as tokio does; in `tests/races`, where that test decides which
/// task goes on.
#[cfg(brpc_races)]
pub use parking_lot::{catch_up, spawn};
pub use place::Holder;
pub use prefixed::Prefixed;
pub use random::random;
pub use shared::{Guard, SharedConnection};
pub use slot::{Ended, Slot};
/// Runs a future in a task of its own.
#[cfg(not(brpc_races))]
pub use tokio::spawn;
pub use unsent::bound_unsent;

/// A boxed future that can be moved between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Panics, and says what is missing, unless it runs in a runtime with timers: a connection without
/// them would panic in a task of its own, and its peer would find it reset.
///
/// # Panics
/// Outside of a tokio runtime, and in one without `enable_time`.
#[track_caller]
pub fn require_timers() {
    // It is checked when the timer is made.
    drop(tokio::time::sleep(std::time::Duration::ZERO));
}

/// Waits until this side has heard and handled what has happened on the connection's stream already.
///
/// A runtime asks the system about its streams before it looks at its timers, so after a pause it knows
/// what there is to read. Then the driver reads it: not the turn in which it may be at the moment, which
/// may have read before, but the next one. However busy the threads of this side are, also after it was
/// stopped.
#[cfg(not(brpc_races))]
pub async fn catch_up(connection: &SharedConnection) {
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);
    tokio::time::sleep(PAUSE).await;
    for _ in 0..2 {
        connection.lock().unlock_and_wake();
        while !connection.has_parked() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The time, by the clock that tests can pause.
pub fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
