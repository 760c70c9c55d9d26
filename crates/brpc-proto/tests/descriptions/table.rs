//! The types that are described: every shape that `serde` derives.

#![allow(clippy::struct_field_names, clippy::option_option, clippy::box_collection)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::num::{NonZeroI64, NonZeroU32};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::of::<u8>(),
        Case::of::<i8>(),
        Case::of::<u16>(),
        Case::of::<i32>(),
        Case::of::<u32>(),
        Case::of::<i64>(),
        Case::of::<u64>(),
        Case::of::<usize>(),
        Case::of::<isize>(),
        Case::of::<u128>(),
        Case::of::<i128>(),
        Case::of::<NonZeroU32>(),
        Case::of::<NonZeroI64>(),
        Case::of::<f64>(),
        Case::of::<f32>(),
        Case::of::<bool>(),
        Case::of::<char>(),
        Case::of::<String>(),
        Case::of::<()>(),
        Case::of::<Value>().taking_all(),
        Case::of::<Option<u64>>(),
        Case::of::<Option<Option<String>>>(),
        Case::of::<Box<Vec<i32>>>(),
        Case::of::<BTreeSet<u8>>(),
        Case::of::<HashSet<String>>(),
        Case::of::<[u8; 3]>(),
        Case::of::<[u8; 0]>(),
        Case::of::<(u8, String)>(),
        Case::of::<(Option<bool>, [char; 2], (i8,))>(),
        Case::of::<HashMap<String, u8>>(),
        Case::of::<BTreeMap<u64, bool>>().except(|value| has_key_beyond(value, 0, u64::MAX.into())),
        Case::of::<BTreeMap<i32, Option<u8>>>()
            .except(|value| has_key_beyond(value, i32::MIN.into(), i32::MAX.into())),
        Case::of::<BTreeMap<Plain, u8>>(),
        Case::of::<Unit>(),
        Case::of::<Newtype>(),
        Case::of::<Transparent>(),
        Case::of::<Pair>(),
        Case::of::<Empty>(),
        Case::of::<Fields>(),
        Case::of::<Exactly>(),
        Case::of::<Renamed>(),
        Case::of::<Defaults>(),
        Case::of::<DefaultAsAWhole>(),
        Case::of::<OptionInside>(),
        Case::of::<Skipping>(),
        Case::of::<Aliased>().except(|value| value.get("b").is_some()),
        Case::of::<Tree>(),
        Case::of::<Chain>(),
        Case::of::<Page<u8>>(),
        Case::of::<Page<Page<Fields>>>(),
        Case::of::<Plain>(),
        Case::of::<Documented>(),
        Case::of::<External>(),
        Case::of::<ExternalExactly>(),
        Case::of::<Internal>(),
        Case::of::<InternalExactly>().except(|value| value.get("t") == Some(&"A".into())),
        Case::of::<Adjacent>()
            .except(|value| value.get("t") == Some(&"A".into()) && value.get("c").is_some()),
        Case::of::<AdjacentExactly>().except(|value| value.get("c").is_none_or(Value::is_null)),
        Case::of::<Untagged>(),
        Case::of::<Other>().except(|value| value.get("t").is_some_and(|tag| tag != "A")),
        Case::of::<FlatStruct>(),
        Case::of::<FlatMap>(),
        Case::of::<FlatExternal>().except(|value| {
            ["A", "B", "C"].iter().filter(|variant| value.get(**variant).is_some()).count() > 1
        }),
        Case::of::<FlatInternal>(),
        Case::of::<FlatUntagged>(),
        Case::of::<FlatOption>().except(|value| value.get("a").is_some()),
        Case::of::<Converted>(),
    ]
}

/// Whether a map has a key that is an integer, but not one of its type.
fn has_key_beyond(value: &Value, low: i128, high: i128) -> bool {
    let mut keys = value.as_object().into_iter().flat_map(|members| members.keys());
    keys.any(|key| key.parse::<i128>().is_ok_and(|key| !(low..=high).contains(&key)))
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Unit;

#[derive(Deserialize, JsonSchema, Serialize)]
struct Newtype(u64);

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(transparent)]
struct Transparent {
    a: Option<u8>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Pair(i64, Option<String>);

#[derive(Deserialize, JsonSchema, Serialize)]
struct Empty {}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Fields {
    a: u32,
    b: Option<String>,
    c: Vec<bool>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Exactly {
    a: i16,
    b: Option<Unit>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
struct Renamed {
    a: char,
    #[serde(rename = "t")]
    second_field: u8,
}

fn seven() -> u64 {
    7
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Defaults {
    #[serde(default)]
    a: u8,
    #[serde(default = "seven")]
    b: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<bool>,
}

#[derive(Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct DefaultAsAWhole {
    a: String,
    b: f64,
}

/// Which of these may be absent is up to `serde`.
#[derive(Deserialize, JsonSchema, Serialize)]
struct OptionInside {
    a: Option<Option<u8>>,
    b: Box<Option<u8>>,
    c: Transparent,
    t: Option<()>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Skipping {
    #[serde(skip)]
    #[allow(dead_code)]
    a: u8,
    #[serde(default, skip_serializing)]
    #[allow(dead_code)]
    b: u8,
    #[serde(default)]
    #[schemars(skip)]
    hidden: u8,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Aliased {
    #[serde(alias = "b")]
    a: u8,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Tree {
    a: u8,
    #[serde(default)]
    b: Vec<Tree>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Chain(bool, Option<Box<Chain>>);

#[derive(Deserialize, JsonSchema, Serialize)]
struct Page<T> {
    a: Vec<T>,
    b: Option<T>,
}

#[derive(Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
enum Plain {
    A,
    #[serde(rename = "b")]
    Second,
}

/// Documented variants are described one by one.
#[derive(Deserialize, JsonSchema, Serialize)]
enum Documented {
    /// The first.
    A,
    B,
    /// The third.
    C(u8),
}

#[derive(Deserialize, JsonSchema, Serialize)]
enum External {
    A,
    B(u8),
    C(u8, Option<bool>),
    D { a: i32, b: Option<Box<External>> },
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum ExternalExactly {
    A,
    B { a: u8 },
    C(Fields),
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(tag = "t")]
enum Internal {
    A,
    B(Fields),
    C { a: u8, b: Option<u64> },
    D(BTreeMap<String, Value>),
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, tag = "t")]
enum InternalExactly {
    A,
    B { a: u8 },
    C(Exactly),
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    A,
    B(u8),
    C(u8, String),
    D { a: Option<u8> },
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, tag = "t", content = "c")]
enum AdjacentExactly {
    A,
    B(Option<u8>),
    C { a: u8 },
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
enum Untagged {
    A,
    B(u8),
    C(char, i64),
    D { a: Unit, b: Option<Plain> },
    E(String),
    F(Vec<Untagged>),
}

/// With a variant for what is none of the others.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(tag = "t")]
enum Other {
    A {
        a: u8,
    },
    #[serde(other)]
    B,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct FlatStruct {
    a: u8,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Rest {
    b: Option<u64>,
    c: String,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct FlatMap {
    a: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, bool>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct FlatExternal {
    a: u8,
    #[serde(flatten)]
    form: FlatForm,
}

#[derive(Deserialize, JsonSchema, Serialize)]
enum FlatForm {
    A(u8),
    B { b: bool },
    C,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct FlatInternal {
    o: Option<u8>,
    #[serde(flatten)]
    form: Internal,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct FlatUntagged {
    c: u8,
    #[serde(flatten)]
    form: FlatChoice,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
enum FlatChoice {
    A { a: u8 },
    B { b: String },
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct FlatOption {
    c: u8,
    #[serde(flatten)]
    rest: Option<OnlyA>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct OnlyA {
    a: u8,
}

#[derive(Clone, Deserialize, JsonSchema, Serialize)]
#[serde(from = "u8", into = "u8")]
struct Converted(u16);

impl From<u8> for Converted {
    fn from(value: u8) -> Self {
        Self(value.into())
    }
}

impl From<Converted> for u8 {
    fn from(value: Converted) -> Self {
        value.0.to_le_bytes()[0]
    }
}
