//! The handshake, one file per side.
//!
//! ```text
//!   plugin                                   hub
//!     │  Hello ──────────────────────────────▶ │  name, version, digest are checked
//!     │ ◀───────────────────────── Challenge ── │  if the hub asks for a proof
//!     │  Proof ──────────────────────────────▶ │  that it knows the secret
//!     │ ◀────────────────────────── Accepted ── │  (or Refused)
//!     │  Describe ───────────────────────────▶ │  unless the hub knows the digest
//!     │ ◀─────────────────────────── Welcome ── │  registered under a name (or Refused)
//! ```
//!
//! The owner of the hub's side may answer `Hello` and `Describe` at any time before the handshake's
//! deadline, so it can ask another service first.

mod hub;
mod plugin;

pub(crate) use hub::{HubHandshake, HubStep};
pub(crate) use plugin::{PluginHandshake, PluginStep};
