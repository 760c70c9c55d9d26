//! The plugin's codec.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use brpc_core::limits::MAX_TRACE;
use brpc_core::name::MAX_NAME;
use brpc_core::{Failure, Metadata, Refusal, RefusalCode, Status};
use brpc_proto::codec::{Codec, Fault, Traits};
use brpc_proto::{Call, CallId, Description, DrainCause, Hello, Message, Settlement, WriteBuffer};
use bytes::BytesMut;

use super::shutdown_reason::ShutdownReason;
use super::{CONFLICT, EVENT, NO_METHOD, PANIC, SHUTDOWN, TRAITS, carry, is_reserved, say};
use crate::{Entity, Envelope, EnvelopeRef, Function, PluginInfo, Reader, Writer};

/// The plugin's codec of the wire, for one connection.
pub fn plugin_codec() -> Box<dyn Codec> {
    Box::new(GobPlugin::default())
}

#[derive(Debug, Default)]
struct GobPlugin {
    reader: Reader,
    writer: Writer,
    /// The wire calls methods by name.
    description: Option<Arc<Description>>,
    /// The id of the newest call. A hub may use one number for two calls at once, so the codec
    /// assigns its own ids.
    last_id: CallId,
    /// What the answers to calls in flight repeat. Limited by `max_calls`: no more calls are
    /// decoded.
    open: HashMap<CallId, Echo>,
    /// Whether input is ignored: the hub asked the plugin to leave, or the plugin leaves by itself.
    is_over: bool,
}

/// The fields that an answer repeats from its call, no more of them than a call of this crate has:
/// the hub needs only the number.
#[derive(Debug)]
struct Echo {
    seq: u64,
    trace: String,
    method: String,
}

impl Codec for GobPlugin {
    fn traits(&self) -> Traits {
        TRAITS
    }

    fn decode(&mut self, input: &mut BytesMut, limit: usize) -> Result<Option<Message>, Fault> {
        if self.is_over {
            input.clear();
            return Ok(None);
        }
        let Some(envelope) = self.reader.envelope(input, limit)? else { return Ok(None) };
        let Envelope { seq, mut trace, mut method, error, payload } = envelope;
        if method == SHUTDOWN {
            self.is_over = true;
            return Ok(Some(if error.is_empty() {
                // The hub sends neither the cause nor the grace period.
                Message::Drain { cause: DrainCause::Unplug, grace: Duration::MAX, trace }
            } else {
                ShutdownReason::message(&payload, &error)
                    .unwrap_or_else(|| Message::Refused(refusal(error)))
            }));
        }
        let number = self.description.as_ref().and_then(|known| known.method(&method));
        self.last_id += 1;
        // A handler may pass its trace id on, so it must be within the limit.
        trace.truncate(trace.floor_char_boundary(MAX_TRACE));
        // No method of this plugin has a longer name.
        method.truncate(method.floor_char_boundary(MAX_NAME));
        let given = trace.clone();
        self.open.insert(self.last_id, Echo { seq, trace, method });
        // A method that was not described gets a number above all others.
        let method = number.unwrap_or(u32::MAX);
        let call = Call { method, payload, trace: given, ..Call::default() };
        Ok(Some(Message::Call(self.last_id, call)))
    }

    fn encode(&mut self, message: &Message, out: &mut WriteBuffer) {
        match message {
            Message::Hello(hello) => self.encode_hello(hello, out),
            Message::Answer { id, answer, .. } => {
                let Some(Echo { seq, trace, method }) = self.open.remove(id) else { return };
                // The hub would treat the answer to a call of `Async` as an event.
                let method = if method == EVENT { "" } else { &method };
                let echo = EnvelopeRef { seq, trace: &trace, method, ..EnvelopeRef::default() };
                match answer {
                    Ok(output) => carry(&mut self.writer, echo, output, out),
                    Err(failure) => {
                        let error = &text(failure);
                        say(&mut self.writer, EnvelopeRef { error, ..echo }, out);
                    }
                }
            }
            Message::Event(payload) => {
                let event = EnvelopeRef { method: EVENT, ..EnvelopeRef::default() };
                carry(&mut self.writer, event, payload, out);
            }
            // The hub only sees that the connection ends.
            Message::Leave { .. } => self.is_over = true,
            // The wire can't carry the others.
            _ => {}
        }
    }
}

impl GobPlugin {
    fn encode_hello(&mut self, hello: &Hello, out: &mut WriteBuffer) {
        let functions = hello.description.as_ref().map(|it| it.functions()).unwrap_or_default();
        let described = functions.into_iter().filter(|function| !is_reserved(&function.name));
        let described = described.map(|function| {
            let entity = |schema: Option<_>| schema.as_ref().and_then(Entity::from_schema);
            Function::new(function.name, entity(function.input), entity(function.output))
        });
        let info = PluginInfo::new(&hello.name, &hello.version, described);
        out.with(|out| self.writer.plugin_info(&info, out));
        self.description.clone_from(&hello.description);
    }
}

/// The text sent to a hub for a call that failed. Never empty, which would be an output.
fn text(failure: &Failure) -> String {
    match failure.status {
        Status::MethodNotFound => NO_METHOD.to_owned(),
        Status::Panicked => format!("{PANIC}{}", failure.message),
        _ => {
            let settlement = Settlement::Answered(Err(failure.clone()), Metadata::new());
            let error = settlement.into_result(|| "").err();
            error.map_or_else(String::new, |error| error.to_string())
        }
    }
}

/// The refusal that the hub's text stands for.
fn refusal(error: String) -> Refusal {
    let is_taken = error.starts_with(CONFLICT);
    Refusal::new(if is_taken { RefusalCode::NameTaken } else { RefusalCode::Other(0) }, error)
}
