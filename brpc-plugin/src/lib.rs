//! The plugin side of brpc: makes an object's methods callable by a hub that it dials.
//!
//! This crate is for programs that are only a plugin; `brpc` has both sides.
//!
//! ```no_run
//! use brpc_plugin::{Context, Plugin};
//!
//! struct Calculator;
//!
//! #[brpc_plugin::plugin]
//! impl Calculator {
//!     /// Adds two numbers.
//!     pub fn add(&self, a: i64, b: i64) -> Result<i64, String> {
//!         a.checked_add(b).ok_or_else(|| "the sum is too large".to_owned())
//!     }
//!
//!     /// Waits, and says whose call it was.
//!     pub async fn wait(&self, cx: &Context, seconds: u64) -> String {
//!         tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
//!         cx.trace().to_owned()
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), brpc_plugin::ConnectError> {
//!     let reason = Plugin::new(Calculator).run("127.0.0.1:8080").await?;
//!     println!("ended: {reason}");
//!     Ok(())
//! }
//! ```
//!
//! # How handlers run
//!
//! Handlers start in the order of their calls, and then run concurrently. A sync method runs in
//! place and must be short. A sync method that may block is marked `#[brpc(blocking)]`, and runs on
//! a thread. An async method is polled in place, and goes on in a task of its own when it has to
//! wait. A panic ends its own call and nothing else.
//!
//! A method that holds up its connection for 100 ms, in place, is named in a warning
//! ([`Plugin::warn_after`]). All methods run in the `tracing` spans that are around
//! [`Session::run`], and in those of middleware around `next.run`. The task of an async method's
//! first poll is that of the connection, so its `tokio::task::id` is another one than later, and
//! task-locals of middleware reach methods that are neither `no_cancel` nor `blocking`.
//!
//! When a call is cancelled (by the caller, because its deadline passed, or because the connection
//! ended), an async handler is dropped at its next `await`, unless it is marked
//! `#[brpc(no_cancel)]`.
//!
//! # Staying connected
//!
//! [`Plugin::run`] dials, answers calls, and dials again whenever the connection is lost.
//! [`Plugin::connect`] makes one connection, whose [`Session::run`] returns why it ended.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod backoff;
mod change;
mod channel;
mod credentials;
mod dial;
mod end;
mod error;
mod handle;
mod lasting;
mod link;
pub mod middleware;
mod plugin;
mod run;
mod secure;
mod session;

/// TLS to the hub: which one the plugin trusts, and the certificate that it shows.
#[cfg(any(feature = "tls", feature = "tls-ring"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
pub mod tls {
    pub use brpc_tls::{ClientTls, Roots, TlsError, TlsFault, TlsSettingsError};
}

#[doc(hidden)]
#[path = "macro_support/mod.rs"]
pub mod __private;

pub use address::{AddressError, HubAddress, Hubs};
pub use backoff::Backoff;
pub use brpc_core::describe::DescriptionError;
pub use brpc_core::{
    Answer, DisconnectReason, Failure, Field, FieldError, Function, LabelError, LimitError, Limits,
    Metadata, MethodError, ProtocolError, Refusal, RefusalCode, Side, Status, describe,
    describe_output,
};
pub use brpc_macros::plugin_without_facade as plugin;
#[doc(inline)]
pub use brpc_proto::{KeyIdError, Secret, SecretError, TokenError};
#[doc(inline)]
pub use brpc_rt::BoxFuture;
#[doc(inline)]
pub use brpc_rt::serving::{
    AsyncHook, Context, HookError, Invoke, KeepEvents, MetadataError, Method, OnCancel, OnLoss,
    PanicText, Receiver,
};
pub use change::Changed;
pub use credentials::{CredentialError, Token};
pub use end::EndReason;
pub use error::ConnectError;
pub use handle::Handle;
pub use plugin::Plugin;
pub use run::{AwayReason, Run, RunState, RunStates};
pub use session::Session;
