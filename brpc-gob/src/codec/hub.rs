//! The hub's end.

use std::sync::Arc;

use brpc_core::codec::{Farewell, FromPlugin, HubCodec, Introduced, ToPlugin, Wire};
use brpc_core::describe::{Description, DescriptionError};
use brpc_core::limits::MAX_SCHEMA_NODES;
use brpc_core::name::{TEXT_RULE, is_text};
use brpc_core::{
    CallId, Failure, Function, Greeting, Labels, MethodError, NewCall, ProtocolError, Refusal,
    RefusalCode, Status, WriteBuffer,
};
use bytes::BytesMut;

use super::{EVENT, PANIC, SHUTDOWN, carry, is_reserved, say};
use crate::{Entity, Envelope, EnvelopeRef, GobError, PluginInfo, Reader, Writer};

/// The hub's end of the wire, for one connection.
pub fn hub_codec() -> Box<dyn HubCodec> {
    Box::new(GobHub::default())
}

#[derive(Debug, Default)]
struct GobHub {
    reader: Reader,
    writer: Writer,
    /// Methods go by their names here.
    description: Option<Arc<Description>>,
    /// Whether the plugin was told to leave.
    has_said_shutdown: bool,
}

impl GobHub {
    fn say_shutdown(&mut self, trace: &str, error: &str, out: &mut WriteBuffer) {
        self.has_said_shutdown = true;
        let shutdown = EnvelopeRef { method: SHUTDOWN, trace, error, ..EnvelopeRef::default() };
        say(&mut self.writer, shutdown, out);
    }
}

impl HubCodec for GobHub {
    fn introduction(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<Introduced>, Refusal> {
        let info = self.reader.plugin_info(input, limit).map_err(|error| refusal(&error))?;
        let Some(info) = info else { return Ok(None) };
        // The name is not repeated: it may be anything.
        if !is_text(&info.name) {
            return Err(Refusal::new(RefusalCode::BadName, TEXT_RULE));
        }
        if !(info.version.is_empty() || is_text(&info.version)) {
            return Err(Refusal::new(RefusalCode::BadVersion, VERSION_RULE));
        }
        let description = describe(&info).map(Arc::new).map_err(|error| {
            Refusal::new(RefusalCode::BadDescription, format!("description: {error}"))
        })?;
        self.description = Some(description.clone());
        let greeting = Greeting {
            wire: Wire::Gob,
            name: info.name,
            version: info.version,
            labels: Labels::default(),
            instance: [0; 16],
            digest: *description.digest(),
        };
        Ok(Some(Introduced { greeting, description }))
    }

    fn next(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<FromPlugin>, ProtocolError> {
        let envelope = self.reader.envelope(input, limit)?;
        Ok(envelope.map(|Envelope { seq: id, method, error, payload, .. }| {
            if method == EVENT {
                return FromPlugin::Event(payload);
            }
            let answer = if error.is_empty() { Ok(payload) } else { Err(failure(&error)) };
            FromPlugin::Answer { id, answer }
        }))
    }

    fn call(&mut self, id: CallId, call: &NewCall, out: &mut WriteBuffer) {
        let description = self.description.as_ref();
        let method = description.and_then(|known| known.name(call.method));
        let (method, trace) = (method.unwrap_or_default(), &*call.trace);
        let envelope = EnvelopeRef { seq: id, trace, method, ..EnvelopeRef::default() };
        carry(&mut self.writer, envelope, &call.payload, out);
    }

    fn encode(&mut self, message: ToPlugin<'_>, out: &mut WriteBuffer) {
        match message {
            ToPlugin::Drain { trace, .. } => self.say_shutdown(trace, "", out),
            ToPlugin::Refused(refusal) => self.say_shutdown("", &refusal.message, out),
            ToPlugin::Goodbye { farewell: Farewell::Protocol | Farewell::TooSlow, reason } => {
                self.say_shutdown("", &reason.to_string(), out);
            }
            ToPlugin::Goodbye { .. } if self.has_said_shutdown => {}
            ToPlugin::Goodbye { .. } => self.say_shutdown("", "", out),
            // The wire has no words for these. The plugin answers a cancelled call all the same, and
            // is held back by not being read from.
            ToPlugin::Cancel { .. } | ToPlugin::Credit { .. } => {}
        }
    }
}

/// What the version of a plugin may be, for messages.
const VERSION_RULE: &str = "a version is at most 128 bytes of UTF-8 without control characters";

/// What a plugin says of its functions. Schemas that are too large all together are left out, since
/// a Go program knows no such limit, and is worth more undescribed than not at all.
fn describe(info: &PluginInfo) -> Result<Description, DescriptionError> {
    let described = |mut values_left: usize| {
        // Of a type without fields nothing is said, and every method takes and gives something.
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
        Description::foreign(&functions.collect::<Vec<_>>())
    };
    // A schema that says nothing is a value, too.
    match described(MAX_SCHEMA_NODES.saturating_sub(2 * info.functions.len())) {
        Err(DescriptionError::TooLarge { .. }) => described(0),
        description => description,
    }
}

/// What the text of an error says. A method's own error looks like that of a call which never
/// reached its method.
fn failure(error: &str) -> Failure {
    if let Some(text) = error.strip_prefix(PANIC) {
        return Failure::new(Status::Panicked, cut(text));
    }
    let code = MethodError::UNSPECIFIED.to_owned();
    Failure { code, ..Failure::new(Status::Unspecified, cut(error)) }
}

/// The first of a text of any length.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(brpc_core::MAX_ERROR_TEXT)]
}

/// Why a plugin is not let in whose introduction can't be used.
fn refusal(error: &GobError) -> Refusal {
    let code = match error {
        GobError::TooManyFunctions => RefusalCode::TooManyMethods,
        GobError::TooDeep => RefusalCode::BadDescription,
        _ => RefusalCode::Protocol,
    };
    Refusal::new(code, format!("gob: {error}"))
}
