//! The wire of the Go package `easysy/brpc`: reads and writes the messages of its plugins and hubs,
//! without a runtime, a clock or sockets.
//!
//! Programs use it by the feature `gob` of `brpc`, `brpc-socket` or `brpc-plugin`: a hub accepts
//! plugins of the Go package on its existing port, and a plugin dials a hub of it.
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
//! All messages are in Go's format `encoding/gob`: each side defines its types before it first uses
//! one, under its own numbers. A receiver skips fields that it doesn't know, and leaves missing
//! ones empty.
//!
//! - A [`Reader`] decodes messages from the input, a [`Writer`] appends them to the output. A
//!   connection has one of each.
//! - [`PluginInfo`] and [`Envelope`] are the messages. An [`Entity`] is the type of an input or
//!   output, in terms of Go; it converts from and to a JSON Schema.
//! - [`hub_codec`] and [`plugin_codec`] are the codecs of both sides, for the state machine of
//!   `brpc-proto`.
//!
//! # Goals
//!
//! - Whatever a peer sends is a value or an error: nothing panics, loops or nests without end.
//! - Every length and every count is checked before memory is reserved for it. What is stored of a
//!   peer's types contains no names, and is at most 20 KiB.
//! - An envelope allocates only its texts; its payload stays in the input buffer.
//!
//! # Non-goals
//!
//! - Other types: this is not a general gob library.
//! - A type first defined within an interface, which Go sends in pieces. The original sends no
//!   interfaces.
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
mod limits;
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
