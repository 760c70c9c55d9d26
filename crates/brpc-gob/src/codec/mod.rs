//! The codecs of both sides, and what the wire's messages mean in a session.

mod hub;
mod plugin;
mod shutdown_reason;

pub use hub::hub_codec;
pub use plugin::plugin_codec;

use brpc_core::ProtocolError;
use brpc_proto::NameRules;
use brpc_proto::WriteBuffer;
use brpc_proto::codec::{Fault, Traits};
use bytes::Bytes;

use crate::{EnvelopeRef, GobError, Writer};

/// What the wire can carry.
const TRAITS: Traits = Traits {
    has_welcome: false,
    has_credit: false,
    has_cancel: false,
    has_goodbye: false,
    names: &NameRules::FREE,
};

/// The method of a message that is an event. A plugin can't have one of this name: its answers
/// would be taken for events.
const EVENT: &str = "Async";

/// The method of a message that asks a plugin to leave; with an error in it, a refusal. A plugin
/// can't have one of this name: a call of it would end the plugin.
const SHUTDOWN: &str = "Shutdown";

/// The prefix of a panic's text.
const PANIC: &str = "panic: ";

/// The original's error for a missing method.
const NO_METHOD: &str = "method not found";

/// The original's refusal of a name that is taken, its only refusal.
const CONFLICT: &str = "handshake (conflict)";

/// Whether the wire reserves this name of a method.
fn is_reserved(name: &str) -> bool {
    name == EVENT || name == SHUTDOWN
}

/// Appends a short message.
fn say(writer: &mut Writer, envelope: EnvelopeRef<'_>, out: &mut WriteBuffer) {
    out.with(|out| writer.envelope(envelope, out));
}

/// Appends a message with a payload; a large payload isn't copied.
fn carry(writer: &mut Writer, envelope: EnvelopeRef<'_>, payload: &Bytes, out: &mut WriteBuffer) {
    out.with(|out| writer.envelope_head(EnvelopeRef { payload, ..envelope }, out));
    out.payload(payload);
    out.with(|out| out.extend_from_slice(Writer::ENVELOPE_END));
}

impl From<GobError> for ProtocolError {
    fn from(error: GobError) -> Self {
        match error {
            GobError::TooLong { size, limit } => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                Self::FrameTooLarge { size, limit }
            }
            error => Self::Foreign { problem: error.problem() },
        }
    }
}

impl From<GobError> for Fault {
    fn from(error: GobError) -> Self {
        Self::Breach(error.into())
    }
}
