//! A conversation that goes as it should, and what is heard of one.

use brpc_gob::{Entity, Envelope, Function, GobError, PluginInfo, Reader, Writer};
use bytes::BytesMut;
use serde_json::{Value, json};

/// More than any conversation here has.
pub(crate) const LIMIT: usize = 1 << 20;

/// What a plugin said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    pub(crate) info: Option<PluginInfo>,
    pub(crate) envelopes: Vec<Envelope>,
    pub(crate) error: Option<GobError>,
}

/// Listens to a plugin whose bytes come in these parts.
pub(crate) fn listen<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Heard {
    let (mut reader, mut input, mut heard) = (Reader::new(), BytesMut::new(), Heard::default());
    for part in parts {
        input.extend_from_slice(part);
        if let Err(error) = take(&mut reader, &mut input, &mut heard) {
            heard.error = Some(error);
            break;
        }
    }
    heard
}

fn take(reader: &mut Reader, input: &mut BytesMut, heard: &mut Heard) -> Result<(), GobError> {
    if heard.info.is_none() {
        heard.info = reader.plugin_info(input, LIMIT)?;
    }
    if heard.info.is_some() {
        while let Some(envelope) = reader.envelope(input, LIMIT)? {
            heard.envelopes.push(envelope);
        }
    }
    Ok(())
}

/// The error of a conversation that comes at once.
pub(crate) fn error_of(parts: &[Vec<u8>]) -> GobError {
    let stream = parts.concat();
    let error = listen([&stream[..]]).error.expect("it is wrong");
    // One that comes byte by byte ends the same.
    assert_eq!(listen(stream.chunks(1)).error.as_ref(), Some(&error));
    error
}

pub(crate) fn entity(value: Value) -> Entity {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn info() -> PluginInfo {
    let input = entity(json!({
        "type": "struct",
        "fields": [
            {"name": "name", "type": "string", "mandatory": true},
            {"name": "list", "type": "[]struct", "fields": [{"name": "n", "type": "int"}]},
        ],
    }));
    let output = entity(json!({"type": "map[string]float64"}));
    PluginInfo::new(
        "Gö",
        "v1.2",
        [
            Function::new("Add", Some(input), Some(output.clone())),
            Function::new("Empty", None, Some(Entity::default())),
            Function::new("Sub", Some(output), None),
        ],
    )
}

pub(crate) fn envelopes() -> Vec<Envelope> {
    let envelope = |seq, method: &str, payload: &[u8]| Envelope {
        seq,
        method: method.to_owned(),
        payload: payload.to_vec().into(),
        ..Envelope::default()
    };
    vec![
        envelope(0, "Add", br#"{"name":"x"}"#),
        Envelope { trace: "t-1".to_owned(), ..envelope(1, "Sub", &[b' '; 300]) },
        Envelope { error: "it broke".to_owned(), ..envelope(u64::MAX, "Add", b"") },
        envelope(0, "", b""),
        envelope(0, "Async", b"1"),
    ]
}

/// The whole conversation, as this crate writes it.
pub(crate) fn conversation() -> Vec<u8> {
    let (mut writer, mut out) = (Writer::new(), Vec::new());
    writer.plugin_info(&info(), &mut out);
    for envelope in envelopes() {
        writer.envelope(envelope.as_ref(), &mut out);
    }
    out
}
