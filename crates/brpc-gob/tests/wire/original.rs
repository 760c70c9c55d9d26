//! The original's test of its descriptions, with types of Rust.
#![allow(dead_code)] // The types are only described.

use std::collections::BTreeMap;

use brpc_gob::{output_description, type_description};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// A map that Go embeds is a field under the name of its type.
#[derive(JsonSchema, Serialize)]
struct Whole {
    #[serde(rename = "TestName")]
    by_number: BTreeMap<isize, Box<Part>>,
    test_struct: Part,
}

#[derive(JsonSchema, Serialize)]
struct Part {
    /// It wins over the one of the same name in what is embedded.
    field: String,
    #[serde(flatten)]
    embedded: Embedded,
    #[serde(skip_serializing_if = "Option::is_none")]
    structure: Option<Structure>,
    #[schemars(skip)]
    not_described: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nested: Option<Nested>,
    #[serde(flatten)]
    unnamed: Nested,
}

/// What is left of a [`Structure`] if its first field has another one of that name before it.
#[derive(JsonSchema, Serialize)]
struct Embedded {
    #[serde(skip_serializing_if = "Option::is_none")]
    field_2: Option<isize>,
}

#[derive(JsonSchema, Serialize)]
struct Structure {
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_2: Option<isize>,
}

#[derive(JsonSchema, Serialize)]
struct Nested {
    #[serde(skip_serializing_if = "Option::is_none")]
    field_n: Option<isize>,
}

fn expected() -> Value {
    let part = json!([
        {"name": "field", "type": "string", "mandatory": true},
        {"name": "field_2", "type": "int"},
        {"name": "field_n", "type": "int"},
        {"name": "nested", "type": "struct", "fields": [{"name": "field_n", "type": "int"}]},
        {"name": "structure", "type": "struct", "fields": [
            {"name": "field", "type": "string"},
            {"name": "field_2", "type": "int"},
        ]},
    ]);
    json!({
        "type": "struct",
        "fields": [
            {"name": "TestName", "type": "map[int]struct", "mandatory": true, "fields": part},
            {"name": "test_struct", "type": "struct", "mandatory": true, "fields": part},
        ],
    })
}

#[test]
fn a_type_is_described_as_in_go() {
    for entity in [type_description::<Whole>(), output_description::<Whole>()] {
        assert_eq!(serde_json::to_value(&entity).unwrap(), expected());
    }
}

#[test]
fn and_is_the_same_again_after_a_schema() {
    let entity = type_description::<Whole>().unwrap();
    assert_eq!(brpc_gob::Entity::from_schema(&entity.to_schema()), Some(entity));
}
