//! The events of a hub, and the credit that it returns to plugins for them.

mod bus;
mod copies;
mod credit;
mod event;
mod fair;
mod missed;
mod queue;
mod subscriber;
mod unread;

pub(crate) use bus::Bus;
pub(crate) use copies::copy_all;
pub(crate) use credit::{Consumed, Origin};
pub use event::{Event, Message};
pub use missed::Missed;
pub use subscriber::Events;
pub(crate) use unread::Unread;
