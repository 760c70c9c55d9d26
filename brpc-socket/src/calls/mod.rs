//! Calls to one plugin and to many.

mod attempts;
mod broadcast;
mod call;
mod coming;
mod request;
mod running;

#[cfg(feature = "tower")]
pub(crate) use attempts::through;
pub use broadcast::Broadcast;
pub(crate) use call::output;
pub use call::{Call, CancelHandle};
pub(crate) use request::{Request, invalid_input};
