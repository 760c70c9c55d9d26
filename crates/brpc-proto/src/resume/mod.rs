//! Calls that outlive their connection, as state machines beside those of the connections.
//!
//! ```text
//!   hub                                                    plugin
//!   Suspended ◀─ the connection is lost ─ Session          Session ─ Call ─▶ Kept
//!       │                                                                     │
//!       │ ◀───── Resume: what it has seen, and what it still has ──────────── │
//!       │ ─────▶ Continue, Resumable, .., Resumed ──────────────────────────▶ │
//!                                         Session ◀─ Answer ─ Session ◀────── │
//!                                                 ─ Confirm ───────────────▶ forgets it
//! ```
//!
//! Each call is in one table at a time, of a session or of [`Suspended`]; whoever takes it out settles
//! it. A plugin starts each call once, under its [`Origin`](crate::Origin); the same call under
//! another id is named by it, and its handler is found in [`Kept`].

mod kept;
mod suspended;
mod suspension;

pub use self::kept::{Continuation, Kept};
pub use self::suspended::{Resumption, Suspended};
pub use self::suspension::Suspension;
