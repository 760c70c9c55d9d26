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
//! The hub waits for the plugin's preface before it says anything, unless the time is over or it
//! shuts down; then it refuses. A way for it to ask for credentials goes between `Hello` and
//! `Accepted`.

mod hub;
mod plugin;

pub use hub::Greeting;
pub(crate) use hub::{HubHandshake, HubStep, Rejected};
pub use plugin::{Introduction, Terms};
pub(crate) use plugin::{PluginHandshake, PluginStep};
