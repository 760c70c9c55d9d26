//! What stands between a session and the bytes of its wire.
//!
//! A session knows calls, answers, events and farewells; a wire knows how they look as bytes. There
//! is one session machine, and a codec for each wire at its edge: the native one is here, and others
//! implement [`HubCodec`] and [`PluginCodec`].
//!
//! ```text
//!               ┌────────── native: frames, postcard ─────────┐
//!   bytes ◀───▶ │                                             │ ◀──▶ session
//!               └── a codec of its own: HubCodec, PluginCodec ┘
//! ```
//!
//! What another wire can't carry is left out by its codec, and done on this side alone: a
//! cancelled call keeps its place until it is answered, a deadline is kept by the caller's side, and
//! where there is no credit for events, this side stops reading instead.

mod hub;
mod native;
mod plugin;
mod sniff;
mod stranger;

pub(crate) use hub::HubWire;
pub use hub::{Entry, ForeignWire, FromPlugin, HubCodec, Introduced, ToPlugin, Wires};
pub(crate) use native::NativeHub;
pub(crate) use plugin::PluginWire;
pub use plugin::{FromHub, PluginCodec, ToHub};
pub use sniff::{Protocol, Sniffed, sniff};
pub(crate) use stranger::words;

pub use crate::session::Farewell;

/// A wire that plugins and hubs can speak.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Wire {
    /// The protocol of this crate.
    Native,
    /// The `encoding/gob` of the Go package `easysy/brpc`.
    Gob,
}
