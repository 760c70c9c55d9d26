//! A wire of JSON text lines: hello, call, answer, event and goodbye.

use std::sync::Arc;

use brpc_core::{Failure, Function, Metadata, ProtocolError, Status, Wire};
use brpc_proto::NameRules;
use brpc_proto::codec::{Codec, Fault, Traits};
use brpc_proto::{Call, Description, Farewell, Hello, Message, WriteBuffer};
use bytes::{Bytes, BytesMut};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// One side of the wire.
#[derive(Debug, Default)]
pub(crate) struct JsonLines {
    /// Methods go by their names here.
    description: Option<Arc<Description>>,
}

/// All that a line may have in it.
#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    t: &'a str,
    id: Option<u64>,
    name: Option<String>,
    methods: Option<Vec<String>>,
    error: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

const BROKEN: ProtocolError = ProtocolError::Foreign { problem: "this is no line of the wire" };

impl Codec for JsonLines {
    fn traits(&self) -> Traits {
        Traits {
            has_welcome: false,
            has_credit: false,
            has_cancel: false,
            has_goodbye: true,
            names: &NameRules::FREE,
        }
    }

    fn decode(&mut self, input: &mut BytesMut, limit: usize) -> Result<Option<Message>, Fault> {
        let end = input.iter().take(limit + 1).position(|byte| *byte == b'\n');
        let Some(end) = end else {
            let size = input.len();
            let too_large = Err(ProtocolError::FrameTooLarge { size, limit }.into());
            return if size > limit { too_large } else { Ok(None) };
        };
        let line = input.split_to(end + 1).freeze();
        let said: Line<'_> = serde_json::from_slice(&line).map_err(|_| BROKEN)?;
        let payload =
            said.payload.map_or_else(Bytes::new, |it| line.slice_ref(it.get().as_bytes()));
        let id = || said.id.ok_or(BROKEN);
        Ok(Some(match said.t {
            "hello" => {
                let methods = said.methods.unwrap_or_default();
                let functions: Vec<_> = methods.into_iter().map(Function::new).collect();
                let described =
                    Description::with_names(&functions, &NameRules::FREE).map_err(|_| BROKEN)?;
                let description = self.description.insert(described.into()).clone();
                let name = said.name.unwrap_or_default();
                let hello = Hello { wire: Wire::Json, ..Hello::new(name, description) };
                Message::Hello(hello.into())
            }
            "call" => {
                let known = self.description.as_ref();
                let number = known.zip(said.name).and_then(|(known, name)| known.method(&name));
                let method = number.unwrap_or(u32::MAX);
                Message::Call(id()?, Call { method, payload, ..Call::default() })
            }
            "answer" => {
                let answer = match said.error {
                    None => Ok(payload),
                    Some(text) => Err(Failure::new(Status::Unspecified, text)),
                };
                Message::Answer { id: id()?, answer, metadata: Metadata::new() }
            }
            "event" => Message::Event(payload),
            "goodbye" => {
                Message::Goodbye { farewell: Farewell::Done, text: said.error.unwrap_or_default() }
            }
            _ => Message::Skipped,
        }))
    }

    fn encode(&mut self, message: &Message, out: &mut WriteBuffer) {
        let mut say = |line: Value, payload: &Bytes| {
            let text = line.to_string();
            let head = if payload.is_empty() { &*text } else { text.trim_end_matches('}') };
            out.with(|bytes| bytes.extend_from_slice(head.as_bytes()));
            if !payload.is_empty() {
                out.with(|bytes| bytes.extend_from_slice(b",\"payload\":"));
                out.payload(payload);
                out.with(|bytes| bytes.push(b'}'));
            }
            out.with(|bytes| bytes.push(b'\n'));
        };
        let none = Bytes::new();
        match message {
            Message::Hello(hello) => {
                self.description.clone_from(&hello.description);
                let methods: Vec<_> =
                    hello.description.iter().flat_map(|described| described.names()).collect();
                say(json!({"t": "hello", "name": hello.name, "methods": methods}), &none);
            }
            Message::Call(id, call) => {
                let name = self.description.as_ref().and_then(|known| known.name(call.method));
                say(json!({"t": "call", "id": id, "name": name}), &call.payload);
            }
            Message::Answer { id, answer: Ok(output), .. } => {
                say(json!({"t": "answer", "id": id}), output);
            }
            Message::Answer { id, answer: Err(failure), .. } => {
                say(json!({"t": "answer", "id": id, "error": failure.message}), &none);
            }
            Message::Event(event) => say(json!({"t": "event"}), event),
            Message::Goodbye { text, .. } => say(json!({"t": "goodbye", "error": text}), &none),
            Message::Refused(refusal) => {
                say(json!({"t": "goodbye", "error": refusal.message}), &none);
            }
            // The wire has no words for the others.
            _ => {}
        }
    }
}
