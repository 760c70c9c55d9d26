//! The wire of the Go package `easysy/brpc`: what its plugins and hubs say to each other, read and
//! written without a runtime, a clock or sockets.
//!
//! Programs use it by the feature `gob` of `brpc`, `brpc-socket` or `brpc-plugin`: a hub takes
//! plugins of the Go package on the port that it has anyway, and a plugin dials a hub of it.
//!
//! ```text
//! plugin                                   hub
//!   │ ── types ── PluginInfo ──────────────▶ │   once: its name, and its functions
//!   │ ◀────────────── types ── Envelope ──── │   a call: number, trace, method, JSON
//!   │ ── types ── Envelope ────────────────▶ │   its answer: the same number, JSON or an error
//!   │ ── Envelope "Async" ─────────────────▶ │   an event
//!   │ ◀──────────── Envelope "Shutdown" ──── │   the end
//! ```
//!
//! All of it is in Go's format `encoding/gob`: each side defines its types before it first uses one,
//! under numbers of its own, and what a type has more or less than the other side's is skipped or
//! left empty.
//!
//! - A [`Reader`] takes messages off what has come, a [`Writer`] appends them to what is to go. A
//!   connection has one of each.
//! - [`PluginInfo`] and [`Envelope`] are what is said. An [`Entity`] is what a method takes or gives
//!   in the words of Go; it comes from a JSON Schema and becomes one.
//! - [`hub_codec`] and [`plugin_codec`] are the two ends of the wire at the session machine of
//!   `brpc-core`.
//!
//! # Goals
//!
//! - Whatever a peer sends is a value or an error: nothing panics, loops or nests without end.
//! - Every length and every count is judged before there is room for what it counts. What is kept
//!   of a peer's types has no names in it, and is at most 20 KiB.
//! - An envelope takes no memory but that of its texts; its payload stays where it was read.
//!
//! # Not goals
//!
//! - Other types: this is no library for gob.
//! - A type that is new within an interface, which Go sends in pieces. The original has no
//!   interfaces on the wire.
//!
//! # Example
//!
//! ```
//! use brpc_gob::{EnvelopeRef, Function, PluginInfo, Reader, Writer, type_description};
//! use bytes::BytesMut;
//!
//! #[derive(schemars::JsonSchema)]
//! struct Greet {
//!     name: String,
//! }
//!
//! let function = Function::new("Greet", type_description::<Greet>(), None);
//! let info = PluginInfo::new("greeter", "1.0", [function]);
//! let (mut writer, mut wire) = (Writer::new(), Vec::new());
//! writer.plugin_info(&info, &mut wire);
//! let answer = EnvelopeRef { seq: 7, payload: br#""hello""#, ..EnvelopeRef::default() };
//! writer.envelope(answer, &mut wire);
//!
//! let (mut reader, mut input) = (Reader::new(), BytesMut::from(&wire[..]));
//! assert_eq!(reader.plugin_info(&mut input, 1 << 20)?, Some(info));
//! assert_eq!(reader.envelope(&mut input, 1 << 20)?.unwrap().payload, r#""hello""#);
//! assert_eq!(reader.envelope(&mut input, 1 << 20)?, None);
//! # Ok::<(), brpc_gob::GobError>(())
//! ```

mod codec;
mod entity;
mod envelope;
mod error;
mod gob;
mod plugin_info;
mod reader;
mod writer;

pub use codec::{hub_codec, plugin_codec};
pub use entity::{Entity, output_description, type_description};
pub use envelope::{Envelope, EnvelopeRef};
pub use error::GobError;
pub use plugin_info::{Function, PluginInfo};
pub use reader::Reader;
pub use writer::Writer;
