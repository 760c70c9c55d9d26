//! Making calls on a connection, from the caller's side.

mod cancel;
mod moving;
mod pending;
#[cfg(test)]
mod tests;

pub use self::cancel::{Canceller, Route};
pub use self::moving::{resubmit, suspend};
pub use self::pending::PendingCall;
