//! The two sides of a connection after the handshake, as state machines.
//!
//! ```text
//!             drain / leave            all answered, goodbye
//!   Ready ───────────────────▶ Draining ───────────────────▶ Closed(reason)
//!     └──────────────────────────┴── breach, end of stream, grace over ──▲
//! ```

mod calls;
mod credit;
mod deadlines;
mod farewell;
mod hub;
mod intake;
mod new_call;
mod outbox;
mod pace;
mod plugin;
mod settlement;
mod unsent;

pub use farewell::{DrainCause, Farewell};

pub(crate) use hub::HubSession;
pub use hub::{SessionTerms, Tally};
pub(crate) use intake::Batch;
pub use intake::{Handed, Intake};
pub(crate) use new_call::millis;
pub use new_call::{Admission, CallId, NewCall};
pub(crate) use pace::Pace;
pub use plugin::{EmitError, IncomingCall};
pub(crate) use plugin::{PluginSession, PluginTerms};
pub use settlement::Settlement;
