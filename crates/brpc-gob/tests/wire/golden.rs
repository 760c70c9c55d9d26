//! Conversations of programs of Go, as `tests/golden/README.md` says they were captured.

use brpc_gob::{Entity, Envelope, Reader, Writer};
use brpc_proto::Description;
use brpc_proto::limits::MAX_SCHEMA_NODES;
use bytes::BytesMut;
use schemars::Schema;
use serde_json::json;

use crate::talk::{LIMIT, entity, listen};

const PLUGIN_INFO: &[u8] = include_bytes!("../golden/plugin_info.bin");
const PLUGIN: &[u8] = include_bytes!("../golden/plugin_conversation.bin");
const HUB: &[u8] = include_bytes!("../golden/hub_conversation.bin");
const REFUSAL: &[u8] = include_bytes!("../golden/refusal.bin");
/// Made by `extras.go` beside it.
const EXTRAS: &[u8] = include_bytes!("../golden/extras.bin");

/// All that a hub says.
fn hub_says(stream: &[u8]) -> Vec<Envelope> {
    let (mut reader, mut input) = (Reader::new(), BytesMut::from(stream));
    let envelopes = std::iter::from_fn(|| reader.envelope(&mut input, LIMIT).unwrap()).collect();
    assert!(input.is_empty());
    envelopes
}

fn envelope(seq: u64, trace: &str, method: &str, error: &str, payload: &'static str) -> Envelope {
    let mut envelope = Envelope { seq, payload: payload.into(), ..Envelope::default() };
    envelope.trace.push_str(trace);
    envelope.method.push_str(method);
    envelope.error.push_str(error);
    envelope
}

#[test]
fn a_plugin_introduces_itself() {
    let heard = listen([PLUGIN_INFO]);
    assert_eq!((heard.error, heard.envelopes.len()), (None, 0));
    let info = heard.info.unwrap();
    assert_eq!((&*info.name, &*info.version), ("go-greeter", "1.0.0"));
    let names: Vec<_> = info.functions.keys().map(String::as_str).collect();
    assert_eq!(names.join(" "), "Add Big Centre Echo Emit Fail Greet Nothing Panic Sleep Who");
    let point = json!([
        {"name": "x", "type": "float64", "mandatory": true},
        {"name": "y", "type": "float64", "mandatory": true},
    ]);
    let centre = &info.functions["Centre"];
    assert_eq!(centre.name, "Centre");
    let points = json!({"name": "points", "type": "[]struct", "mandatory": true, "fields": point});
    assert_eq!(centre.input, Some(entity(json!({"type": "struct", "fields": [points]}))));
    assert_eq!(centre.output, Some(entity(json!({"type": "struct", "fields": point}))));
    assert_eq!(info.functions["Echo"].input, Some(entity(json!({"type": "interface"}))));
    assert_eq!(
        (&info.functions["Nothing"].input, &info.functions["Nothing"].output),
        (&None, &None)
    );

    // The other capture is of the same plugin, though its functions come in another order.
    assert_eq!(listen([PLUGIN]).info, Some(info));
}

/// As the hub describes it to its own clients.
#[test]
fn what_a_plugin_says_of_itself_is_a_description() {
    let mut values_left = MAX_SCHEMA_NODES;
    let mut schema = |entity: &Option<Entity>| {
        entity.as_ref().map(|entity| entity.to_schema_within(&mut values_left))
    };
    let info = listen([PLUGIN_INFO]).info.unwrap();
    let described = info.functions.iter().map(|(name, function)| {
        let mut described = brpc_core::Function::new(name);
        described.input = schema(&function.input);
        described.output = schema(&function.output);
        described
    });
    let described = Description::new(&described.collect::<Vec<_>>()).unwrap();
    for function in described.functions() {
        let known = &info.functions[&function.name];
        let entity = |schema: Option<Schema>| schema.as_ref().and_then(Entity::from_schema);
        assert_eq!(
            (entity(function.input), entity(function.output)),
            (known.input.clone(), known.output.clone())
        );
    }
}

#[test]
fn a_plugin_answers_and_emits() {
    let heard = listen([PLUGIN]);
    assert_eq!(heard.error, None);
    assert_eq!(
        heard.envelopes,
        [
            envelope(0, "trace-1", "Greet", "", r#"{"text":"Hello, Ada!"}"#),
            envelope(1, "", "Fail", "no such luck", ""),
            envelope(2, "", "Panic", "panic: oh no", r#"{"text":"oh no"}"#),
            envelope(0, "", "Async", "", r#"{"n":0,"text":"tick"}"#),
            envelope(0, "", "Async", "", r#"{"n":1,"text":"tick"}"#),
            envelope(0, "", "Async", "", r#"{"n":2,"text":"tick"}"#),
            envelope(3, "trace-2", "Emit", "", "3"),
            envelope(4, "", "Nothing", "", ""),
        ]
    );
}

#[test]
fn a_hub_calls_and_ends_it() {
    assert_eq!(
        hub_says(HUB),
        [
            envelope(0, "trace-1", "Greet", "", r#"{"name":"Ada"}"#),
            envelope(1, "", "Fail", "", r#"{"text":"no such luck"}"#),
            envelope(2, "", "Panic", "", r#"{"text":"oh no"}"#),
            envelope(3, "trace-2", "Emit", "", r#"{"count":3,"text":"tick"}"#),
            envelope(4, "", "Nothing", "", ""),
            envelope(0, "trace-3", "Shutdown", "", ""),
        ]
    );
    let taken = "handshake (conflict) plugin with the same name is already connected";
    assert_eq!(hub_says(REFUSAL), [envelope(0, "", "Shutdown", taken, "")]);
}

/// Go numbers the first type as we do, so even the definition is the same.
#[test]
fn what_a_hub_says_is_written_as_go_writes_it() {
    for stream in [HUB, REFUSAL] {
        let (mut writer, mut out) = (Writer::new(), Vec::new());
        for envelope in hub_says(stream) {
            writer.envelope(envelope.as_ref(), &mut out);
        }
        assert_eq!(out, stream);
    }
}

#[test]
fn what_a_plugin_says_survives_being_written() {
    let heard = listen([PLUGIN]);
    let (mut writer, mut out) = (Writer::new(), Vec::new());
    writer.plugin_info(heard.info.as_ref().unwrap(), &mut out);
    for envelope in &heard.envelopes {
        writer.envelope(envelope.as_ref(), &mut out);
    }
    assert_eq!(listen([&out[..]]), heard);
    // Go leaves one name of a type out, and names the package that its types are in.
    assert!(out.len().abs_diff(PLUGIN.len()) < 16, "{} and {}", out.len(), PLUGIN.len());
}

#[test]
fn fields_of_every_type_are_skipped() {
    let heard = listen([EXTRAS]);
    assert_eq!(heard.error, None);
    let info = heard.info.unwrap();
    assert_eq!((&*info.name, &*info.version), ("extras", "1"));
    assert_eq!(
        heard.envelopes,
        [envelope(0, "", "Method", "", ""), envelope(1, "", "Method", "", "")]
    );
}

#[test]
fn every_split_is_heard_alike() {
    for stream in [PLUGIN, EXTRAS] {
        let whole = listen([stream]);
        for split in 0..stream.len() {
            assert_eq!(listen([&stream[..split], &stream[split..]]), whole, "split at {split}");
            assert_eq!(listen([&stream[..split]]).error, None, "cut at {split}");
        }
        assert_eq!(listen(stream.chunks(1)), whole);
    }
}
