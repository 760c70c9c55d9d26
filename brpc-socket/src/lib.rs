//! The hub side of brpc: a [`Socket`] that plugins dial in to, and that calls methods on them.
//!
//! This crate is for programs that are only a hub; `brpc` has both sides. Plugins are made with
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
//! # What a call may end in
//!
//! A [`Call`] ends in its value or in one [`CallError`], always, at the latest when its time is
//! over. [`CallError::execution`] says whether the handler ran: if it says
//! [`Never`](Execution::Never), the call can be made again without the risk that its work is done
//! twice.
//!
//! # What is not here
//!
//! - The hub has no TLS and no authentication of its own yet: serve on a loopback address, a Unix
//!   socket, or a [`Listener`] that brings its own.
//! - It makes each call once. Whoever repeats a call decides so, by its error.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod accept;
mod broadcast;
mod builder;
mod bus;
mod call;
mod caller;
mod copies;
mod credit;
mod drain;
mod error;
mod event;
mod hub;
mod link;
mod listener;
pub mod middleware;
mod outgoing;
mod queue;
mod registry;
mod request;
mod running;
mod socket;
mod sources;
mod strangers;
mod subscriber;
mod unread;
mod wait;
mod wires;

/// What typed clients are made of; see [`#[client]`](macro@client).
pub mod client {
    pub use brpc_core::caller::{CallOptions, Caller, Target};
    pub use brpc_core::client::{All, Argument, Arguments, Binding, Calls, Checks, Describes, One};
}

pub use accept::Serving;
pub use broadcast::Broadcast;
#[doc(hidden)]
pub use brpc_core::__private;
pub use brpc_core::Caller;
pub use brpc_core::{
    Admission, CallError, Difference, DisconnectReason, Execution, Function, InterfaceError,
    JsonError, Limits, Metadata, MethodError, Mismatch, PluginInfo, ProtocolError, Refusal,
    RefusalCode, Response, Scope, Selector, Stage, VersionRangeError, Wire,
};
pub use brpc_macros::client_of_socket as client;
pub use builder::Builder;
pub use call::{Call, CancelHandle};
pub use drain::{DrainReport, Shutdown, ShutdownReport, Unplug};
pub use error::{NotEnough, ServeError, UnplugError, WaitError};
pub use event::{Event, Message, PluginRef};
pub use listener::{Listener, ListenerClosed, MemoryConnector, MemoryListener, Source};
pub use socket::Socket;
pub use strangers::Strangers;
pub use subscriber::Events;
pub use wires::Access;
