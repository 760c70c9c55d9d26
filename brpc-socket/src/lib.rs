//! The hub side of brpc: a [`Socket`] that plugins dial in to, and that calls methods on them.

mod accept;
mod broadcast;
mod builder;
mod call;
mod drain;
mod error;
mod event;
mod hub;
mod link;
mod listener;
mod registry;
mod slot;
mod socket;
mod subscriber;
mod wait;

pub use accept::Serving;
pub use broadcast::Broadcast;
pub use brpc_core::{
    CallError, DisconnectReason, Execution, Function, Limits, MethodError, PluginInfo,
    ProtocolError, Refusal, RefusalCode, Scope, Stage,
};
pub use builder::Builder;
pub use call::{Call, CancelHandle};
pub use drain::{DrainReport, Shutdown, ShutdownReport, Unplug};
pub use error::{ServeError, UnplugError, WaitError};
pub use event::{Event, Message, PluginRef};
pub use listener::{Listener, MemoryConnector, MemoryListener, Source};
pub use socket::Socket;
pub use subscriber::{Events, Subscribe};
