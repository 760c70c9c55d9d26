//! A schema as it was described, where nothing makes schemas of types.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A JSON Schema. With the feature `schemas` it is `schemars::Schema`, which has these methods too.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Value")]
pub struct Schema(Value);

impl Schema {
    /// The JSON of it: an object, `true` or `false`.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// The same, taken out.
    pub fn to_value(self) -> Value {
        self.0
    }

    /// Whether it allows everything, or nothing, if that is all that it says.
    pub fn as_bool(&self) -> Option<bool> {
        self.0.as_bool()
    }

    /// Its keywords, unless it is `true` or `false`.
    pub fn as_object(&self) -> Option<&Map<String, Value>> {
        self.0.as_object()
    }

    /// The value of a keyword.
    pub fn get(&self, keyword: &str) -> Option<&Value> {
        self.0.get(keyword)
    }

    /// The value to which a JSON pointer leads, with or without the `#` of a fragment.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer.strip_prefix('#').unwrap_or(pointer))
    }
}

impl TryFrom<Value> for Schema {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        if value.is_object() || value.is_boolean() {
            return Ok(Self(value));
        }
        Err(serde::de::Error::custom("a schema is an object, `true` or `false`"))
    }
}

impl From<bool> for Schema {
    fn from(allows: bool) -> Self {
        Self(allows.into())
    }
}

impl From<Schema> for Value {
    fn from(schema: Schema) -> Self {
        schema.0
    }
}
