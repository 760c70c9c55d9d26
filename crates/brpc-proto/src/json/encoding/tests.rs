use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde_json::json;

use super::*;

fn is_written_as_ever<T: Serialize>(value: &T) {
    let mut written = Vec::new();
    encode_into(&mut written, value).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(value).unwrap());
}

#[test]
fn whatever_is_to_be_escaped_is_found_wherever_it_is() {
    for length in [0, 1, LONG - 1, LONG, LONG + 1, 3 * LONG + 7] {
        // Behind a backslash it would be an escape.
        let plain = "n".repeat(length);
        is_written_as_ever(&plain);
        for place in 0..length {
            for byte in (0..0x20).chain(*b"\"\\ !#[]/\x7f") {
                let mut text = plain.clone().into_bytes();
                text[place] = byte;
                is_written_as_ever(&String::from_utf8(text).unwrap());
            }
        }
    }
    is_written_as_ever(&"ä€😀".repeat(LONG));
}

#[derive(serde::Serialize)]
struct Unit;

#[derive(serde::Serialize)]
struct Newtype(String);

#[derive(serde::Serialize)]
enum Variants {
    Unit,
    Newtype(String),
    Tuple(String, u8),
    Struct { text: String },
}

/// A map that serializes its keys and its values separately.
struct OneByOne(String);

impl Serialize for OneByOne {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_key(&self.0)?;
        map.serialize_value(&self.0)?;
        map.end()
    }
}

#[derive(serde::Serialize)]
struct All {
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u8>,
    numbers: (bool, i8, i64, i128, u8, u64, u128, f32, f64, char),
    nothing: ((), Option<u8>, Unit),
    some: Option<String>,
    newtype: Newtype,
    variants: [Variants; 4],
    list: Vec<String>,
    map: BTreeMap<String, String>,
    one_by_one: OneByOne,
    displayed: std::net::Ipv6Addr,
    any: serde_json::Value,
}

#[test]
fn every_kind_of_value_is_passed_on() {
    let text = || "0".repeat(LONG);
    is_written_as_ever(&All {
        left_out: None,
        numbers: (true, -1, i64::MIN, i128::MIN, 1, u64::MAX, u128::MAX, 0.1, -0.5, '"'),
        nothing: ((), None, Unit),
        some: Some(text()),
        newtype: Newtype(text()),
        variants: [
            Variants::Unit,
            Variants::Newtype(text()),
            Variants::Tuple(text(), 1),
            Variants::Struct { text: text() },
        ],
        list: vec![text(), String::new()],
        map: BTreeMap::from([(text(), text())]),
        one_by_one: OneByOne(text()),
        displayed: [0xffff; 8].into(),
        any: json!({ text(): [text(), 1, null] }),
    });
}

#[test]
fn a_piece_of_json_is_no_string() {
    // None of these needs an escape, as the text of raw JSON.
    let long = [" ".repeat(LONG) + "1", format!("[{}]", ["1"; LONG].join(","))];
    for piece in long.map(|text| RawValue::from_string(text).unwrap()) {
        is_written_as_ever(&piece);
        is_written_as_ever(&[Some(piece)]);
    }
}

#[test]
fn what_is_wrong_is_still_wrong() {
    let keys = BTreeMap::from([(vec!["0".repeat(LONG)], 1)]);
    let error = encode_into(&mut Vec::new(), &keys).unwrap_err();
    assert_eq!(error, JsonError::whole(serde_json::to_string(&keys).unwrap_err().to_string()));
}

#[test]
fn a_number_that_json_does_not_have_is_an_error_with_its_path() {
    #[derive(serde::Serialize)]
    enum Sample {
        Bare(f64),
        Pair(u8, f32),
        Named { value: Option<f64> },
    }
    #[derive(serde::Serialize)]
    struct Samples {
        list: Vec<Sample>,
        #[serde(flatten)]
        rest: BTreeMap<u8, f64>,
    }
    fn fails<T: Serialize>(value: &T, path: &str, number: &str) {
        let error = encode_into(&mut Vec::new(), value).unwrap_err();
        assert_eq!(error, JsonError::at(path, format!("JSON has no number for {number}")));
    }
    let samples = |sample| Samples { list: vec![Sample::Bare(0.0), sample], rest: [].into() };
    fails(&f64::NAN, ".", "NaN");
    fails(&[[0.5, f32::NEG_INFINITY]], "[0][1]", "-inf");
    fails(&samples(Sample::Bare(f64::INFINITY)), "list[1].Bare", "inf");
    fails(&samples(Sample::Pair(1, f32::NAN)), "list[1].Pair[1]", "NaN");
    fails(&samples(Sample::Named { value: Some(f64::NAN) }), "list[1].Named.value", "NaN");
    let rest = BTreeMap::from([(1, 0.5), (2, f64::NAN)]);
    fails(&Samples { list: Vec::new(), rest }, "2", "NaN");
    is_written_as_ever(&(f64::MAX, f32::MIN_POSITIVE, None::<f64>));
}
