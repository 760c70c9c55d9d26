//! The protocol of brpc, sans-IO.

mod answer;
mod connection;
pub mod describe;
mod error;
mod event;
mod handshake;
pub mod json;
pub mod limits;
pub mod name;
mod session;
mod wire;

pub use answer::{Answer, Failure, Status};
pub use connection::{Connection, End, HubConnection, PluginConnection};
pub use describe::{Function, PluginInfo};
pub use error::{
    CallError, DisconnectReason, Execution, MAX_ERROR_TEXT, MethodError, ProtocolError, Refusal,
    RefusalCode, Scope, Stage,
};
pub use event::{HubEvent, PluginEvent};
pub use handshake::{Greeting, Introduction, Terms};
pub use limits::Limits;
pub use session::{
    Admission, CallId, DrainCause, EmitError, IncomingCall, NewCall, SessionTerms, Settlement,
    Tally,
};
pub use wire::WriteBuffer;
