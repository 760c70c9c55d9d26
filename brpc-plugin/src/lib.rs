//! The plugin side of brpc.

mod context;
mod hook;
mod receiver;

#[doc(hidden)]
#[path = "macro_support/mod.rs"]
pub mod __private;

pub use brpc_core::MethodError;
pub use brpc_macros::plugin;
pub use context::Context;
pub use hook::AsyncHook;
pub use receiver::{BoxFuture, Invoke, Method, OnCancel, Receiver};
