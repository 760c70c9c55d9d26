//! How a plugin is let in, one file a side.
//!
//! ```text
//!   plugin                                   hub
//!     │  Hello ──────────────────────────────▶ │  name, version, digest are checked
//!     │ ◀────────────────────────── Accepted ── │  (or Refused)
//!     │  Describe ───────────────────────────▶ │  unless the hub knows the digest
//!     │ ◀─────────────────────────── Welcome ── │  registered under a name (or Refused)
//! ```
//!
//! The owner of the hub's side answers `Hello` and `Describe` when it likes, up to the handshake's
//! deadline: it may ask somebody else first. A challenge goes between `Hello` and `Accepted`.

mod hub;
mod plugin;

pub(crate) use hub::{HubHandshake, HubStep};
pub(crate) use plugin::{PluginHandshake, PluginStep};
