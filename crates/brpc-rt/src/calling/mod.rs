//! Making calls on a connection, from the caller's side.

mod pending;
mod slot;

pub use self::pending::PendingCall;
pub use self::slot::{Ended, Slot};
