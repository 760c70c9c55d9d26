//! The hub's side of brpc: a [`Socket`] that plugins dial in to, and that calls methods on them.
//!
//! This crate is for programs that are only a hub; `brpc` has both sides. Plugins use
//! `brpc-plugin`, in other processes and on any machine that can reach the hub.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use brpc_socket::{CallError, Socket};
//! use tokio::net::TcpListener;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let hub = Socket::builder().build();
//!     hub.serve(TcpListener::bind("127.0.0.1:8080").await?);
//!
//!     hub.wait_for("calculator", Duration::from_secs(30)).await?;
//!     let sum: i64 = hub.call("calculator", "add", &serde_json::json!({"a": 1, "b": 2})).await?;
//!     println!("{sum}");
//!
//!     hub.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! # How a call ends
//!
//! A [`Call`] always ends in its output or in one [`CallError`], at the latest when its deadline
//! passes. [`CallError::execution`] says whether the method ran: if it says
//! [`Never`](Execution::Never), a retry can't run the method twice.
//!
//! # What is not here
//!
//! - The hub has no TLS of its own yet: serve on a loopback address, a Unix socket, or a [`Listener`]
//!   with its own ([`Securing`]). [`auth`] says who may plug in.
//! - It makes each call once, unless it is asked to [`Retry`](middleware::Retry).

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod auth;
mod builder;
mod caller;
mod calls;
mod connection;
mod drain;
mod encryption;
mod error;
mod events;
mod hub;
mod listener;
pub mod middleware;
mod outgoing;
mod plugin_ref;
mod report;
mod retry;
mod secure;
mod securing;
#[cfg(feature = "tower")]
mod service;
mod socket;
mod wait;

/// TLS at the hub: its certificate, and whose certificates it wants to see.
#[cfg(any(feature = "tls", feature = "tls-ring"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
pub mod tls {
    pub use brpc_tls::{
        ClientCertificate, Clients, Roots, ServerTls, TlsError, TlsFault, TlsSettingsError,
    };
}

/// What typed clients are built on; see [`#[client]`](macro@client).
pub mod client {
    pub use brpc_core::caller::{CallOptions, Caller, Target};
    pub use brpc_core::client::{All, Argument, Arguments, Binding, Calls, One};
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub use brpc_core::client::{Checks, Describes};
}

#[doc(hidden)]
pub use brpc_core::__private;
pub use brpc_core::Caller;
pub use brpc_core::{
    Admission, CallError, CallErrorKind, Difference, DisconnectReason, Execution, Function, Grants,
    Identity, InterfaceError, JsonError, LimitError, Limits, Metadata, MethodError, Mismatch,
    PluginInfo, ProtocolError, Refusal, RefusalCode, Response, Scope, Selector, Side, Stage,
    VersionRangeError, Wire,
};
#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
pub use brpc_macros::client_of_socket as client;
pub use builder::Builder;
pub use calls::{Broadcast, Call, CancelHandle};
pub use connection::Serving;
pub use drain::{Shutdown, Unplug};
pub use encryption::Encryption;
pub use error::{NotEnough, ServeError, UnplugError, WaitError};
pub use events::{Event, Events, Message, Missed};
pub use hub::{Access, Presence, Refusals, Strangers, Takeover, Unfinished};
pub use listener::{
    Listener, ListenerClosed, MemoryConnector, MemoryListener, Source, UnixPeer, WithEncryption,
};
pub use plugin_ref::PluginRef;
pub use report::{DrainReport, ShutdownReport};
pub use securing::Securing;
pub use socket::Socket;
