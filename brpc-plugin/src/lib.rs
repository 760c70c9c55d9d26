//! The plugin side of brpc: makes an object's methods callable by a hub that it dials.

mod context;
mod dispatch;
mod end;
mod error;
mod handle;
mod hook;
mod link;
mod plugin;
mod receiver;
mod session;

#[doc(hidden)]
#[path = "macro_support/mod.rs"]
pub mod __private;

pub use brpc_core::{
    DisconnectReason, Function, Limits, MethodError, ProtocolError, Refusal, RefusalCode,
};
pub use brpc_macros::plugin;
pub use context::Context;
pub use end::EndReason;
pub use error::{ConnectError, HookError};
pub use handle::Handle;
pub use hook::AsyncHook;
pub use plugin::Plugin;
pub use receiver::{BoxFuture, Invoke, Method, OnCancel, Receiver};
pub use session::Session;
