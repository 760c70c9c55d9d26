//! Calls of one plugin and of many.

mod broadcast;
mod call;
mod request;
mod running;

pub use broadcast::Broadcast;
pub(crate) use call::output;
pub use call::{Call, CancelHandle};
pub(crate) use request::{Request, invalid_input};
pub(crate) use running::Running;
