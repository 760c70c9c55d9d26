//! The protocol of brpc, as state machines without a runtime, a clock or sockets.
//!
//! This crate is for those who build on the protocol itself: another runtime, transport or wire, or
//! a test that plays one of the sides. Programs use `brpc`, `brpc-socket` or `brpc-plugin`.
//!
//! ```text
//!                                ┌────────────┐ ──▶ events: a call ended, a method is to be run,
//!   commands: call, answer, … ──▶│            │     the connection is over
//!                    the time ──▶│ Connection │ ──▶ the next timer
//!                    bytes in ──▶│            │ ──▶ bytes out
//!                                └────────────┘
//!
//!   bytes ◀─▶ codec ◀─▶ messages ◀─▶ handshake, session ◀─▶ commands and events
//! ```
//!
//! - [`Connection`] is one side of a connection, from its first byte to its last; its documentation
//!   says what its owner does.
//! - [`Message`] is what one side sends to the other, on every wire; a [`codec`] turns messages
//!   into bytes and back.
//! - [`json`] limits payloads; [`limits`] are those on what a peer may make this side hold or wait
//!   for, beside the [configurable ones](brpc_core::Limits).
//!
//! # Goals
//!
//! - Every caller that is accepted is returned exactly once, whatever the peer does.
//! - Nothing that a peer sends panics, loops, or grows memory beyond the limits.
//! - Everything depends only on the input, so every run can be repeated.
//!
//! # Not goals
//!
//! - Payloads are opaque here except for their size; caller and method give them their meaning.
//! - No I/O, no threads, no randomness: the owner provides random ids.
//!
//! # Example
//!
//! Both sides in one thread, with a variable in place of the transport:
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use brpc_core::{Function, Limits, Metadata};
//! use brpc_proto::codec::Native;
//! use brpc_proto::*;
//! use bytes::{Buf, BytesMut};
//!
//! fn carry<A, B>(from: &mut Connection<A>, to: &mut Connection<B>, now: Instant) {
//!     let mut wire = WriteBuffer::new();
//!     from.poll_transmit(&mut wire, now);
//!     let mut input = BytesMut::from(&*wire.copy_to_bytes(wire.remaining()));
//!     to.handle_input(&mut input, now);
//! }
//!
//! let now = Instant::now();
//! let description = Description::new(&[Function::new("greet")])?;
//! let hello = Hello::new("greeter", description.into());
//! let codec = Box::new(Native::new(Role::Plugin));
//! let mut plugin = Connection::<()>::dialled(codec, hello, Limits::default(), now);
//! let mut hub = Connection::<&str>::accepted(Limits::default(), Wires::default(), now);
//!
//! // The handshake: the hub's owner answers two events.
//! carry(&mut plugin, &mut hub, now);
//! assert!(matches!(hub.poll_event(), Some(Event::Hello(_))));
//! hub.accept(None);
//! carry(&mut hub, &mut plugin, now);
//! carry(&mut plugin, &mut hub, now);
//! assert!(matches!(hub.poll_event(), Some(Event::Described(_))));
//! hub.welcome("greeter", 1, [9; 16], now);
//! assert!(matches!(hub.poll_event(), Some(Event::Welcomed(_))));
//!
//! // A call, and its answer.
//! let call = Call {
//!     payload: r#""world""#.into(),
//!     timeout: Some(Duration::from_secs(1)),
//!     ..Call::default()
//! };
//! hub.start_call(call, "the caller", now).unwrap();
//! carry(&mut hub, &mut plugin, now);
//! while let Some(event) = plugin.poll_event() {
//!     if let Event::Call { id, .. } = event {
//!         plugin.answer(id, Ok(r#""hello""#.into()), Metadata::new());
//!     }
//! }
//! carry(&mut plugin, &mut hub, now);
//! let Some(Event::Settled("the caller", settlement)) = hub.poll_event() else { panic!() };
//! assert_eq!(settlement.into_result(|| "greet").unwrap().output, r#""hello""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffer;
pub mod codec;
mod connection;
mod credentials;
mod description;
mod event;
mod handshake;
pub mod json;
pub mod limits;
mod message;
mod names;
pub mod resume;
mod role;
mod session;
mod settlement;
mod sniff;
mod sparse;
mod stranger;
mod terms;
mod time;
mod wires;

pub use buffer::WriteBuffer;
pub use connection::{Connection, End};
pub use credentials::{Key, KeyIdError, Proof, Secret, SecretError, Token, TokenError, Transcript};
pub use description::{Description, Idempotent};
pub use event::{Event, Tally};
pub use message::{
    Admission, Beat, Call, CallId, Continued, Course, DrainCause, Farewell, Features, Hello,
    Message, Origin, Recalled, Resumable, Welcome,
};
pub use names::{NameRules, Rule};
pub use role::Role;
pub use session::EmitError;
pub use settlement::Settlement;
pub use sniff::{Sniffed, sniff};
pub use terms::{Credit, Terms};
pub use wires::{Carries, MakeCodec, WireEntry, Wires};
