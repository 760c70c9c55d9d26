//! What a method takes or gives, in the words of Go, and its way to a JSON Schema and back.

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
    /// The type in the words of Go: `string`, `int64`, `[]struct`, `map[string]float64`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Whether the field is always there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mandatory: bool,
    /// The fields of the struct, or of the structs in a slice or a map.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Entity>,
}

/// How keys of a map are spelled that are integers, in the schemas of this project.
const INTEGER_KEY: &str = "^(0|-?[1-9][0-9]*)$";

/// The same, of integers without a sign.
const UNSIGNED_KEY: &str = "^(0|[1-9][0-9]*)$";
