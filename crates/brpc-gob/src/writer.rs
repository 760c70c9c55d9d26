//! Writes this side's messages.

use crate::gob::define_struct;
use crate::{EnvelopeRef, PluginInfo, envelope};

/// Writes this side's messages on one connection: a connection has one writer, which defines each
/// type once.
#[derive(Debug, Default)]
pub struct Writer {
    has_defined_info: bool,
    has_defined_envelope: bool,
}

impl Writer {
    /// What follows the payload of a message; see [`envelope_head`](Self::envelope_head).
    pub const ENVELOPE_END: &'static [u8] = envelope::END;

    /// A writer for a new connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a plugin's introduction.
    pub fn plugin_info(&mut self, info: &PluginInfo, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.has_defined_info, true) {
            PluginInfo::define(out);
        }
        info.encode(out);
    }

    /// Appends a message.
    pub fn envelope(&mut self, envelope: EnvelopeRef<'_>, out: &mut Vec<u8>) {
        self.envelope_head(envelope, out);
        out.extend_from_slice(envelope.payload);
        out.extend_from_slice(Self::ENVELOPE_END);
    }

    /// Appends a message up to its payload, for a transport that writes the payload as a separate
    /// slice. The caller then appends the payload and [`ENVELOPE_END`](Self::ENVELOPE_END).
    pub fn envelope_head(&mut self, envelope: EnvelopeRef<'_>, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.has_defined_envelope, true) {
            define_struct(envelope::TYPE_ID, "Envelope", &envelope::DEFINITION, out);
        }
        envelope.encode_head(out);
    }
}
