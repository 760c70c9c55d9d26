//! The types of inputs and outputs, in terms of Go, and their conversion to and from JSON Schema.

mod describe;
mod from_schema;
mod to_schema;

use serde::{Deserialize, Serialize};

pub use self::describe::{output_description, type_description};

/// A type of Go, or a field of one.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Entity {
    /// The field's name; empty if it is no field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The type as Go spells it: `string`, `int64`, `[]struct`, `map[string]float64`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Whether the field is always present.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mandatory: bool,
    /// The fields of the struct, or of the structs in a slice or a map.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Entity>,
}

/// The pattern of a map's integer keys, in this project's schemas.
const INTEGER_KEY: &str = "^(0|-?[1-9][0-9]*)$";

/// The same for unsigned integers.
const UNSIGNED_KEY: &str = "^(0|[1-9][0-9]*)$";
