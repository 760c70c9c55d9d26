//! The runtime of one brpc connection. Shared by the hub and the plugin; not an interface for users,
//! who find in `brpc-socket` and `brpc-plugin` what is for them.
//!
//! The state machine of a connection ([`brpc_proto::Connection`]) knows no sockets and no clock. Here
//! is what gives it both: [`Driven`] puts it behind one lock that is held for one look at it and
//! never across an await, and [`drive`] moves its bytes. Calls are made with [`PendingCall`], and
//! served by `serving::Handlers`, with the feature `serving`.

mod calling;
mod close;
mod driven;
mod driver;
mod gathering;
mod inbox;
mod link;
pub mod middleware;
#[cfg(feature = "serving")]
pub mod serving;
mod slot;
mod timer;
mod transport;

use std::future::Future;
use std::pin::Pin;

pub use calling::{Canceller, PendingCall, Route};
pub use driven::{Driven, Guard};
pub use driver::drive;
pub use link::Link;
pub use slot::{Ended, Slot};

/// A boxed future that can be moved between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The time, by the clock that tests can pause.
pub fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
