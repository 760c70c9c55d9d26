//! The hub's codec.

use std::sync::Arc;

use brpc_core::describe::DescriptionError;
use brpc_core::{
    Failure, Function, Labels, MAX_ERROR_TEXT, Metadata, MethodError, Refusal, RefusalCode, Status,
    Wire,
};
use brpc_proto::NameRules;
use brpc_proto::codec::{Codec, Fault, Traits};
use brpc_proto::{Description, Farewell, Features, Hello, Idempotent, Message, WriteBuffer};
use bytes::BytesMut;

use super::shutdown_reason::ShutdownReason;
use super::{EVENT, PANIC, SHUTDOWN, TRAITS, carry, is_reserved, say};
use crate::limits::MAX_PARTS;
use crate::{Entity, Envelope, EnvelopeRef, GobError, PluginInfo, Reader, Writer};

/// The hub's codec of the wire, for one connection.
pub fn hub_codec() -> Box<dyn Codec> {
    Box::new(GobHub::default())
}

#[derive(Debug, Default)]
struct GobHub {
    reader: Reader,
    writer: Writer,
    /// The wire calls methods by name. `None` until the plugin has introduced itself.
    description: Option<Arc<Description>>,
    /// Whether Shutdown was sent.
    has_said_shutdown: bool,
}

impl Codec for GobHub {
    fn traits(&self) -> Traits {
        TRAITS
    }

    fn decode(&mut self, input: &mut BytesMut, limit: usize) -> Result<Option<Message>, Fault> {
        if self.description.is_none() {
            return self.decode_hello(input, limit);
        }
        let envelope = self.reader.envelope(input, limit)?;
        Ok(envelope.map(|Envelope { seq: id, method, error, payload, .. }| {
            if method == EVENT {
                return Message::Event(payload);
            }
            let answer = if error.is_empty() { Ok(payload) } else { Err(failure(&error)) };
            Message::Answer { id, answer, metadata: Metadata::new() }
        }))
    }

    fn encode(&mut self, message: &Message, out: &mut WriteBuffer) {
        match message {
            Message::Call(id, call) => {
                let description = self.description.as_ref();
                let method = description.and_then(|known| known.name(call.method));
                let (method, trace) = (method.unwrap_or_default(), &*call.trace);
                let envelope = EnvelopeRef { seq: *id, trace, method, ..EnvelopeRef::default() };
                carry(&mut self.writer, envelope, &call.payload, out);
            }
            Message::Drain { trace, .. } => self.ask_to_leave(trace, out),
            Message::Refused(refusal) => {
                self.say_why(&refusal.message, &ShutdownReason::of_refusal(refusal), out);
            }
            Message::Goodbye { farewell, text }
                if matches!(
                    farewell,
                    Farewell::Protocol
                        | Farewell::TooSlow
                        | Farewell::Replaced
                        | Farewell::Unresponsive
                        | Farewell::Revoked
                ) =>
            {
                self.say_why(text, &ShutdownReason::of_farewell(*farewell), out);
            }
            Message::Goodbye { .. } if !self.has_said_shutdown => self.ask_to_leave("", out),
            // The wire can't carry the others.
            _ => {}
        }
    }
}

impl GobHub {
    /// Decodes a plugin's introduction.
    fn decode_hello(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<Message>, Fault> {
        let info = self.reader.plugin_info(input, limit).map_err(|error| refusal(&error))?;
        let Some(info) = info else { return Ok(None) };
        let description = describe(&info).map(Arc::new).map_err(|error| {
            Refusal::new(RefusalCode::BadDescription, format!("description: {error}"))
        })?;
        self.description = Some(description.clone());
        Ok(Some(Message::Hello(Arc::new(Hello {
            wire: Wire::Gob,
            name: info.name,
            version: info.version,
            labels: Labels::default(),
            instance: [0; 16],
            digest: *description.digest(),
            description: Some(description),
            features: Features::default(),
            max_frame: None,
            max_calls: None,
            heartbeat: None,
            idempotent: Idempotent::default(),
            token: None,
            key: None,
        }))))
    }

    fn ask_to_leave(&mut self, trace: &str, out: &mut WriteBuffer) {
        self.has_said_shutdown = true;
        let shutdown = EnvelopeRef { method: SHUTDOWN, trace, ..EnvelopeRef::default() };
        say(&mut self.writer, shutdown, out);
    }

    /// Says why the connection ends: a text that Go programs log, and what it means for a plugin of
    /// this crate.
    fn say_why(&mut self, error: &str, told: &ShutdownReason, out: &mut WriteBuffer) {
        let payload = &told.payload();
        let shutdown = EnvelopeRef { method: SHUTDOWN, error, payload, ..EnvelopeRef::default() };
        say(&mut self.writer, shutdown, out);
    }
}

/// A plugin's description of its functions. Schemas beyond the limits are left out, since a Go
/// program knows no such limit, and a plugin without schemas is better than none.
fn describe(info: &PluginInfo) -> Result<Description, DescriptionError> {
    let described = |mut values_left: usize| {
        // The wire omits a type without fields, and every method has an input and an output.
        let mut schema = |entity: &Option<Entity>| {
            let schema = entity.as_ref().map(|entity| entity.to_schema_within(&mut values_left));
            Some(schema.unwrap_or_else(|| true.into()))
        };
        let named = info.functions.iter().filter(|(name, _)| !is_reserved(name));
        let functions = named.map(|(name, said)| {
            let mut function = Function::new(name);
            (function.input, function.output) = (schema(&said.input), schema(&said.output));
            function
        });
        Description::with_names(&functions.collect::<Vec<_>>(), &NameRules::FREE)
    };
    // An empty schema counts as a value, too.
    match described(MAX_PARTS.saturating_sub(2 * info.functions.len())) {
        Err(DescriptionError::TooLarge { .. }) => described(0),
        description => description,
    }
}

/// The failure that an error's text stands for. A method's own error looks like that of a call
/// which never reached its method.
fn failure(error: &str) -> Failure {
    if let Some(text) = error.strip_prefix(PANIC) {
        return Failure::new(Status::Panicked, cut(text));
    }
    let mut failure = Failure::new(Status::Unspecified, cut(error));
    MethodError::UNSPECIFIED.clone_into(&mut failure.code);
    failure
}

/// The beginning of a text of any length.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_ERROR_TEXT)]
}

/// The refusal of a plugin whose `PluginInfo` can't be used.
fn refusal(error: &GobError) -> Refusal {
    let code = match error {
        GobError::TooManyFunctions => RefusalCode::TooManyMethods,
        GobError::TooDeep => RefusalCode::BadDescription,
        _ => RefusalCode::Protocol,
    };
    Refusal::new(code, format!("gob: {error}"))
}
