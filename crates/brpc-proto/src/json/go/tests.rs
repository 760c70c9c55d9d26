use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use brpc_core::{Dialect, JsonError};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::json::{decode, decode_in};

fn of_go<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    decode_in(Dialect::Go, text.as_bytes())
}

/// What a text is in Go's dialect, and it is none in the other.
#[track_caller]
fn only_of_go<T: DeserializeOwned + fmt::Debug + PartialEq>(text: &str, value: T) {
    assert_eq!(of_go::<T>(text), Ok(value));
    assert!(decode::<T>(text.as_bytes()).is_err(), "not everywhere");
}

#[derive(Debug, serde::Deserialize, PartialEq)]
struct Unit;

#[derive(Debug, serde::Deserialize, PartialEq)]
struct Wrapped(Vec<u8>);

#[derive(Debug, serde::Deserialize, PartialEq)]
enum Choice {
    One(Vec<u8>),
    Two(Vec<u8>, ()),
    Named { map: BTreeMap<String, u8> },
    Plain,
}

#[derive(Debug, Default, serde::Deserialize, PartialEq)]
struct All {
    nothing: (),
    list: Vec<String>,
    set: BTreeSet<i8>,
    map: HashMap<String, Vec<u8>>,
    maybe: Option<Vec<u8>>,
    bytes: Vec<u8>,
    nested: Vec<Vec<u8>>,
}

#[test]
fn nothing_is_an_empty_struct() {
    only_of_go("{}", ());
    only_of_go(" { } ", Unit);
    only_of_go("[{}, null]", ((), ()));
    assert_eq!(of_go::<()>("null"), Ok(()));
    assert_eq!(of_go::<()>(""), Ok(()));
    assert_eq!(of_go::<()>(r#"{"a":1}"#).unwrap_err().message, "invalid type: map, expected unit");
    assert!(of_go::<()>("[]").is_err());
    assert!(of_go::<u8>("{}").is_err());
}

#[test]
fn null_is_an_empty_list_or_map() {
    only_of_go("null", Vec::<String>::new());
    only_of_go("null", BTreeMap::<u8, u8>::new());
    only_of_go("[null, [[1]]]", vec![vec![], vec![vec![1_u64]]]);
    only_of_go("null", Wrapped(vec![]));
    only_of_go(r#"{"a":null}"#, BTreeMap::from([("a".to_owned(), BTreeSet::<u8>::new())]));
    assert_eq!(of_go::<Option<Vec<u8>>>("null"), Ok(None));
    assert!(of_go::<String>("null").is_err());
    assert!(of_go::<[u8; 2]>("null").is_err());
}

#[test]
fn bytes_are_in_base64() {
    only_of_go(r#""AQI=""#, vec![1_u8, 2]);
    only_of_go(r#""AQI=""#, [1_u8, 2]);
    only_of_go(r#""AQI=""#, Some(Wrapped(vec![1, 2])));
    only_of_go(r#"[["AQI="], null]"#, vec![vec![vec![1_u8, 2]], vec![]]);
    only_of_go(r#""""#, Vec::<u8>::new());
    assert_eq!(of_go::<Vec<u8>>("[1,2]"), Ok(vec![1, 2]));
    assert_eq!(of_go::<String>(r#""AQI=""#), Ok("AQI=".to_owned()));
    assert!(of_go::<[u8; 3]>(r#""AQI=""#).is_err());
    let expected = "invalid type: string \"AQI=\", expected a sequence";
    assert_eq!(of_go::<Vec<u64>>(r#""AQI=""#).unwrap_err().message, expected);
    assert_eq!(of_go::<Vec<Value>>(r#""AQI=""#).unwrap_err().message, expected);
    assert_eq!(of_go::<Vec<String>>(r#""AQI=""#).unwrap_err().message, expected);
    let no_base64 = of_go::<Vec<u8>>(r#""AQ""#).unwrap_err().message;
    assert_eq!(no_base64, "invalid type: string \"AQ\", expected a sequence");
}

/// Its bytes, and not those of its text.
#[test]
fn types_that_ask_for_bytes_get_them() {
    assert_eq!(of_go(r#""AQI=""#), Ok(bytes(vec![1, 2])));
    assert_eq!(of_go("[1,2]"), Ok(bytes(vec![1, 2])));
    assert_eq!(of_go("null"), Ok(bytes(vec![])));
}

#[derive(Debug, PartialEq)]
struct Buffer(Vec<u8>);

fn bytes(bytes: Vec<u8>) -> Buffer {
    Buffer(bytes)
}

impl<'de> Deserialize<'de> for Buffer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Buffer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Buffer, E> {
                Ok(Buffer(bytes))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Buffer, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = list.next_element()? {
                    bytes.push(byte);
                }
                Ok(Buffer(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[test]
fn within_other_types() {
    let go = json!({
        "nothing": {}, "list": null, "set": null, "map": {"a": null, "b": "AQI="},
        "maybe": "AQI=", "bytes": "", "nested": ["AQI=", null, [3]],
    });
    let map = HashMap::from([("a".to_owned(), vec![]), ("b".to_owned(), vec![1, 2])]);
    let nested = vec![vec![1, 2], vec![], vec![3]];
    let all = All { map, maybe: Some(vec![1, 2]), nested, ..All::default() };
    only_of_go(&go.to_string(), all);
    only_of_go(r#"{"One":"AQI="}"#, Choice::One(vec![1, 2]));
    only_of_go(r#"{"Two":[null,{}]}"#, Choice::Two(vec![], ()));
    only_of_go(r#"{"Named":{"map":null}}"#, Choice::Named { map: BTreeMap::new() });
    assert_eq!(of_go(r#""Plain""#), Ok(Choice::Plain));
}

#[test]
fn what_asks_for_nothing_else_stays_as_it_is() {
    let text = r#"{"a":[null,{},"AQI=",1.5,-3,true,18446744073709551615]}"#;
    assert_eq!(of_go::<Value>(text), Ok(serde_json::from_str(text).unwrap()));
    assert_eq!(of_go::<Box<RawValue>>(text).unwrap().get(), text);
    assert_eq!(of_go::<u128>(&u128::MAX.to_string()), Ok(u128::MAX));
    assert_eq!(of_go::<BTreeMap<u8, char>>(r#"{"7":"x"}"#), Ok(BTreeMap::from([(7, 'x')])));
    assert!(of_go::<u8>("1 2").is_err());
}

#[test]
fn errors_have_their_path() {
    let error = of_go::<BTreeMap<String, Vec<u64>>>(r#"{"a":null,"b":[1,"x"]}"#).unwrap_err();
    assert_eq!(
        (&*error.path, &*error.message),
        ("b[1]", "invalid type: string \"x\", expected u64")
    );
    let error = of_go::<Vec<String>>("5").unwrap_err();
    assert_eq!(error.message, decode::<Vec<String>>(b"5").unwrap_err().message);
}
