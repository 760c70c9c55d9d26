//! The types that hubs, plugins and declared interfaces share: errors, typed clients, descriptions
//! of plugins, and options of a call.
//!
//! Programs use `brpc`, `brpc-socket` or `brpc-plugin`, which re-export all of it. Depend on this
//! crate alone to declare an interface: it has no runtime and no protocol.
//!
//! - [`CallError`] is what a call may end in besides its output, and
//!   [`execution`](CallError::execution) says whether its handler ran.
//! - [`macro@client`] generates a typed client from a trait; the client calls through a [`Caller`].
//!   It needs the feature `client`, which is on by default.
//! - [`mod@describe`] describes a plugin's functions; [`Selector`] selects plugins by name, labels,
//!   version and methods. What makes schemas of types, and compares them, needs the feature `schemas`,
//!   which `client` includes.
//! - [`Identity`] is who a plugin is, as its hub knows, with the [`Grants`] that say what it may do.
//! - [`limits`] limits what a peer can make this side hold or wait for.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
pub mod caller;
pub mod client;
pub mod describe;
mod dialect;
mod error;
mod glob;
mod identity;
pub mod labels;
pub mod limits;
pub mod metadata;
pub mod name;
mod response;
mod selector;
mod wire;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use answer::{Answer, Failure, Status};
#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
pub use brpc_macros::client_of_core as client;
pub use caller::{Admission, Caller};
#[cfg(feature = "schemas")]
#[cfg_attr(docsrs, doc(cfg(feature = "schemas")))]
pub use describe::{Field, FieldError, describe, describe_output};
pub use describe::{Function, PluginInfo};
#[doc(hidden)]
pub use dialect::Dialect;
pub use error::{
    CallError, CallErrorKind, Difference, DisconnectReason, Execution, InterfaceError, JsonError,
    MAX_ERROR_TEXT, MethodError, Mismatch, ProtocolError, Refusal, RefusalCode, Scope, Side, Stage,
};
pub use identity::{Grants, Identity};
pub use labels::{LabelError, Labels};
pub use limits::{LimitError, Limits};
pub use metadata::Metadata;
pub use response::Response;
pub use selector::{Selector, VersionRangeError};
pub use wire::Wire;
