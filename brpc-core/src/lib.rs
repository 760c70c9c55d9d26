//! What users of brpc and the interfaces that they declare have in common: errors, typed clients, what
//! a plugin says of itself, and what can be said about a call.
//!
//! Programs use `brpc`, `brpc-socket` or `brpc-plugin`, which have all of it. This crate is for those
//! who only declare an interface: it knows no runtime and no protocol.
//!
//! - [`CallError`] is what a call may end in besides its value, and
//!   [`execution`](CallError::execution) says whether its handler ran.
//! - [`macro@client`] makes a typed client of a trait; it calls through a [`Caller`].
//! - [`mod@describe`] is what a plugin says of its functions; [`Selector`] chooses plugins by what they
//!   say of themselves.
//! - [`limits`] is what a peer may make a side hold or wait for.

mod answer;
pub mod caller;
pub mod client;
pub mod describe;
mod error;
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
pub use brpc_macros::client_of_core as client;
pub use caller::{Admission, Caller};
pub use describe::{Field, FieldError, Function, PluginInfo, describe, describe_output};
pub use error::{
    CallError, Difference, DisconnectReason, Execution, InterfaceError, JsonError, MAX_ERROR_TEXT,
    MethodError, Mismatch, ProtocolError, Refusal, RefusalCode, Scope, Stage,
};
pub use labels::{LabelError, Labels};
pub use limits::Limits;
pub use metadata::Metadata;
pub use response::Response;
pub use selector::{Selector, VersionRangeError};
pub use wire::Wire;
