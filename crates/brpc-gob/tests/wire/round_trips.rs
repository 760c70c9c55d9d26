//! What is written is read.

use brpc_gob::{Envelope, EnvelopeRef, PluginInfo, Reader, Writer};
use bytes::BytesMut;
use serde_json::json;

use crate::raw::size_of_uint;
use crate::talk::{LIMIT, conversation, envelopes, info, listen};

#[test]
fn a_conversation() {
    let heard = listen([&conversation()[..]]);
    assert_eq!((heard.info, heard.envelopes), (Some(info()), envelopes()));
    assert_eq!(heard.error, None);
}

#[test]
fn an_empty_introduction() {
    let (mut writer, mut out) = (Writer::new(), Vec::new());
    writer.plugin_info(&PluginInfo::default(), &mut out);
    assert_eq!(listen([&out[..]]).info, Some(PluginInfo::default()));
}

#[test]
fn a_hub_only_says_envelopes() {
    let (mut writer, mut out) = (Writer::new(), Vec::new());
    let shutdown = EnvelopeRef { method: "Shutdown", ..EnvelopeRef::default() };
    writer.envelope(shutdown, &mut out);
    let mut input = BytesMut::from(&out[..]);
    let envelope = Reader::new().envelope(&mut input, LIMIT).unwrap().unwrap();
    assert_eq!(envelope.as_ref(), shutdown);
    assert!(input.is_empty());
}

#[test]
fn types_are_defined_once() {
    let (mut writer, mut out) = (Writer::new(), Vec::new());
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let before = out.len();
        writer.envelope(EnvelopeRef::default(), &mut out);
        sizes.push(out.len() - before);
    }
    // A length, a number of two bytes and an end.
    assert_eq!(sizes[1..], [4, 4]);
    assert!(sizes[0] > 4);
}

#[test]
fn the_length_is_known_before() {
    let (mut writer, mut out) = (Writer::new(), Vec::new());
    writer.envelope(EnvelopeRef::default(), &mut out);
    let long = "x".repeat(70_000);
    for seq in [0, 1, 127, 128, 1 << 40, u64::MAX] {
        for size in [0, 1, 127, 128, 255, 256, 70_000] {
            let text = &long[..size];
            let payload = text.as_bytes();
            let envelope = EnvelopeRef { seq, trace: text, method: "m", error: text, payload };
            out.clear();
            writer.envelope(envelope, &mut out);
            assert_eq!(out.len(), size_of_uint(out[0]) + envelope.encoded_len());
            let mut parts = Vec::new();
            writer.envelope_head(envelope, &mut parts);
            assert_eq!([&parts[..], payload, Writer::ENVELOPE_END].concat(), out);
        }
    }
}

#[test]
fn a_payload_is_not_copied() {
    let (mut writer, mut out) = (Writer::new(), Vec::new());
    writer.envelope(EnvelopeRef { payload: &[7; 5000], ..EnvelopeRef::default() }, &mut out);
    let mut input = BytesMut::from(&out[..]);
    let range = input.as_ptr_range();
    let Envelope { payload, .. } = Reader::new().envelope(&mut input, LIMIT).unwrap().unwrap();
    assert_eq!(payload, [7; 5000][..]);
    assert!(range.contains(&payload.as_ptr()));
}

#[test]
fn introductions_are_json_as_in_the_original() {
    let expected = json!({
        "name": "Gö",
        "version": "v1.2",
        "functions": {
            "Add": {
                "name": "Add",
                "input": {
                    "type": "struct",
                    "fields": [
                        {"name": "name", "type": "string", "mandatory": true},
                        {"name": "list", "type": "[]struct", "fields": [{"name": "n", "type": "int"}]},
                    ],
                },
                "output": {"type": "map[string]float64"},
            },
            "Empty": {"name": "Empty", "output": {}},
            "Sub": {"name": "Sub", "input": {"type": "map[string]float64"}},
        },
    });
    let text = serde_json::to_string(&info()).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    assert_eq!(serde_json::from_str::<PluginInfo>(&text).unwrap(), info());
    assert_eq!(serde_json::to_string(&PluginInfo::default()).unwrap(), "{}");
}
