//! How a plugin is let in, one file a side.
//!
//! ```text
//!   plugin                                   hub
//!     │  preface, Hello ─────────────────────▶ │  name, version, digest are checked
//!     │ ◀───────────── preface, Accepted ───── │  (or Refused)
//!     │  Describe ───────────────────────────▶ │  unless the hub knows the digest
//!     │ ◀──────────────────────── Welcome ──── │  registered under a name (or Refused)
//! ```
//!
//! The hub says nothing before it knows that the peer speaks brpc. A way for it to ask for
//! credentials goes between `Hello` and `Accepted`.

mod hub;
mod plugin;

pub use hub::Greeting;
pub(crate) use hub::{HubHandshake, HubStep, Rejected};
pub use plugin::{Introduction, Terms};
pub(crate) use plugin::{PluginHandshake, PluginStep};
