//! The protocol of brpc, as state machines without a runtime, a clock or sockets.
//!
//! This crate is for those who build on the protocol itself: another runtime, another transport, a
//! test that plays one of the sides. Programs use `brpc`, `brpc-socket` or `brpc-plugin`.
//!
//! ```text
//!                    bytes in ──▶ ┌───────────────┐ ──▶ events: a call ended, a method is
//!   commands: call, cancel, ... ──▶ │ HubConnection │     to be run, the connection is over
//!                    the time ──▶ │ PluginConn... │ ──▶ bytes out
//!                                 └───────────────┘ ──▶ the next timer
//! ```
//!
//! - [`HubConnection`] and [`PluginConnection`] are the two sides of one connection, from its first
//!   byte to its last. The contract with whoever drives them is [`Connection`].
//! - [`CallError`] is what a call may end in besides its value, and
//!   [`execution`](CallError::execution) says whether its handler ran.
//! - [`mod@describe`] is what a plugin says of its functions; [`limits`] is what a peer may make this
//!   side hold or wait for; [`json`] keeps payloads within bounds.
//!
//! # Goals
//!
//! - Every call that is taken in is handed back exactly once, whatever the peer does.
//! - Nothing that a peer sends panics, loops, or grows memory beyond the limits.
//! - Everything depends on its input alone, so that every run can be repeated.
//!
//! # Not goals
//!
//! - Payloads are opaque here but for their size; what they mean is between caller and method.
//! - No I/O, no threads, no randomness: ids that have to be random are given.
//!
//! # Example
//!
//! Both sides in one thread, with a wire that is a variable:
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use brpc_core::describe::Description;
//! use brpc_core::*;
//! use bytes::{Buf, BytesMut};
//!
//! fn carry(from: &mut impl Connection, to: &mut impl Connection, now: Instant) {
//!     let mut wire = WriteBuffer::new();
//!     from.poll_transmit(&mut wire, now);
//!     let mut input = BytesMut::from(&*wire.copy_to_bytes(wire.remaining()));
//!     to.handle_input(&mut input, now);
//! }
//!
//! let now = Instant::now();
//! let description = Description::new(&[Function::new("greet")])?;
//! let introduction = Introduction {
//!     name: "greeter".into(),
//!     version: "1.0".into(),
//!     labels: Labels::default(),
//!     instance: [7; 16],
//!     description,
//! };
//! let mut plugin = PluginConnection::new(&introduction, Limits::default(), now);
//! let mut hub = HubConnection::<&str>::new(Limits::default(), now);
//!
//! // The handshake: the hub's owner is asked twice.
//! carry(&mut plugin, &mut hub, now);
//! assert!(matches!(hub.poll_event(), Some(HubEvent::Greeted(_))));
//! hub.accept(None);
//! carry(&mut hub, &mut plugin, now);
//! carry(&mut plugin, &mut hub, now);
//! assert!(matches!(hub.poll_event(), Some(HubEvent::Described(_))));
//! hub.welcome("greeter", 1, [9; 16]);
//!
//! // A call, and its answer.
//! let call = NewCall {
//!     method: 0,
//!     payload: r#""world""#.into(),
//!     timeout: Some(Duration::from_secs(1)),
//!     trace: String::new(),
//!     metadata: Metadata::new(),
//!     admission: Admission::Refuse,
//! };
//! hub.start_call(call, "the caller", now).unwrap();
//! carry(&mut hub, &mut plugin, now);
//! while let Some(event) = plugin.poll_event() {
//!     if let PluginEvent::Call(call) = event {
//!         plugin.answer(call.id, Ok(r#""hello""#.into()));
//!     }
//! }
//! carry(&mut plugin, &mut hub, now);
//! let Some(HubEvent::Settled("the caller", settlement)) = hub.poll_event() else { panic!() };
//! assert_eq!(settlement.into_result(|| ("greeter", "greet"))?.output, r#""hello""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
pub mod caller;
pub mod client;
pub mod codec;
mod connection;
pub mod describe;
mod error;
mod event;
mod handshake;
pub mod json;
pub mod labels;
pub mod limits;
pub mod metadata;
pub mod name;
mod response;
mod selector;
mod session;
mod wire;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use answer::{Answer, Failure, Status};
pub use brpc_macros::client_of_core as client;
pub use caller::Caller;
pub use connection::{Connection, End, HubConnection, PluginConnection};
pub use describe::{Field, FieldError, Function, PluginInfo, describe, describe_output};
pub use error::{
    CallError, Difference, DisconnectReason, Execution, InterfaceError, MAX_ERROR_TEXT,
    MethodError, Mismatch, ProtocolError, Refusal, RefusalCode, Scope, Stage,
};
pub use event::{HubEvent, PluginEvent};
pub use handshake::{Greeting, Introduction, Terms};
pub use labels::{LabelError, Labels};
pub use limits::Limits;
pub use metadata::Metadata;
pub use response::Response;
pub use selector::{Candidate, Selector, VersionRangeError};
pub use session::{
    Admission, CallId, DrainCause, EmitError, Handed, IncomingCall, Intake, NewCall, SessionTerms,
    Settlement, Tally,
};
pub use wire::WriteBuffer;
