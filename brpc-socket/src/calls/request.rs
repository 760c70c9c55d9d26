//! A call's plugin, method and input in one piece.

use brpc_core::{CallError, CallErrorKind, JsonError};
use brpc_proto::json::Encoded;
use bytes::{Buf as _, Bytes};
use serde::Serialize;

/// Which method of which plugin, and the input: all in one buffer, so that a call that is not yet
/// made needs no allocation of its own.
pub(crate) struct Request {
    /// The plugin's name, the method's name, and the encoded input.
    bytes: Encoded,
    /// The length of the plugin's name, in bytes.
    plugin: usize,
    /// The length of the method's name, in bytes.
    method: usize,
}

impl Request {
    /// Encodes the input.
    pub(crate) fn encode<I: Serialize + ?Sized>(
        plugin: &str,
        method: &str,
        input: &I,
    ) -> Result<Self, CallError> {
        let bytes = Encoded::after(&[plugin, method], input)
            .map_err(|error| CallError::from(invalid_input(error)).named(plugin, method))?;
        Ok(Self { bytes, plugin: plugin.len(), method: method.len() })
    }

    /// The plugin's name.
    pub(crate) fn plugin(&self) -> &str {
        text(&self.bytes[..self.plugin])
    }

    /// The method's name.
    pub(crate) fn method(&self) -> &str {
        text(&self.bytes[self.plugin..self.plugin + self.method])
    }

    /// The error of this call.
    #[cold]
    pub(crate) fn name(&self, kind: CallErrorKind) -> CallError {
        CallError::from(kind).named(self.plugin(), self.method())
    }

    /// The input.
    pub(crate) fn input(&self) -> &[u8] {
        &self.bytes[self.plugin + self.method..]
    }

    /// Takes the input, as bytes of its own. Last: the names may be gone with it.
    pub(crate) fn take_input(&mut self) -> Bytes {
        let mut input = self.bytes.take();
        input.advance(self.plugin + self.method);
        input
    }
}

/// The error for an input that can't be encoded.
pub(crate) fn invalid_input(error: JsonError) -> CallErrorKind {
    CallErrorKind::InvalidInput { path: error.path, message: error.message }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it was a text when it was put in")
}
