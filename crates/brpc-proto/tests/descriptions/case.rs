//! A type, its schema and its decoder.

use std::any::type_name;

use brpc_core::JsonError;
use brpc_proto::json;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::second_form;

/// A type of the table.
pub(crate) struct Case {
    name: String,
    schema: Schema,
    /// What is encoded, and not what is decoded.
    sent: Schema,
    sent_validator: jsonschema::Validator,
    validator: jsonschema::Validator,
    /// Decodes, and encodes again what came of it.
    decode: fn(&[u8]) -> Result<Value, JsonError>,
    takes_all: bool,
    /// What is documented to be described otherwise, for this type.
    except: fn(&Value) -> bool,
}

/// What came of a value.
pub(crate) enum Verdict {
    /// Allowed and decoded.
    Taken,
    /// Forbidden and not decoded.
    Refused,
    /// The two differ, as documented.
    Excepted,
    /// The two differ.
    Wrong(String),
}

impl Case {
    pub(crate) fn of<T: DeserializeOwned + Serialize + JsonSchema>() -> Self {
        let schema = brpc_core::describe::<T>();
        let sent = brpc_core::describe_output::<T>();
        let name = type_name::<T>().replace("descriptions::table::", "").replace("alloc::", "");
        Self {
            name: name.replace("collections::", "").replace("string::", ""),
            validator: jsonschema::validator_for(schema.as_value()).unwrap(),
            schema,
            sent_validator: jsonschema::validator_for(sent.as_value()).unwrap(),
            sent,
            decode: |text| Ok(serde_json::to_value(json::decode::<T>(text)?).unwrap()),
            takes_all: false,
            except: |_| false,
        }
    }

    /// Nothing is refused by it.
    pub(crate) fn taking_all(self) -> Self {
        Self { takes_all: true, ..self }
    }

    /// Values for which schema and decoder may differ.
    pub(crate) fn except(self, except: fn(&Value) -> bool) -> Self {
        Self { except, ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schema of what is encoded.
    pub(crate) fn sent(&self) -> &Schema {
        &self.sent
    }

    /// Whether the schema of what is encoded allows a value.
    pub(crate) fn may_send(&self, value: &Value) -> bool {
        self.sent_validator.is_valid(value)
    }

    /// Whether the schema of what is decoded allows a value.
    pub(crate) fn allows(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Whether a value decodes, whatever the schema says.
    pub(crate) fn decodes(&self, value: &Value) -> bool {
        (self.decode)(value.to_string().as_bytes()).is_ok()
    }

    pub(crate) fn takes_all(&self) -> bool {
        self.takes_all
    }

    pub(crate) fn judge(&self, value: &Value) -> Verdict {
        let text = value.to_string();
        match ((self.decode)(text.as_bytes()), self.validator.validate(value)) {
            (Ok(_), Ok(())) => Verdict::Taken,
            (Err(_), Err(_)) => Verdict::Refused,
            _ if (self.except)(value) => Verdict::Excepted,
            (Err(_), Ok(())) if has_whole_float(value) => Verdict::Excepted,
            (Err(error), Ok(())) => Verdict::Wrong(format!("allowed, and doesn't decode: {error}")),
            (Ok(again), Err(error)) => {
                let first = second_form::replaced(value, &again);
                if first != *value && self.validator.is_valid(&first) {
                    return Verdict::Excepted;
                }
                Verdict::Wrong(format!("forbidden ({error}), and decodes as {again}"))
            }
        }
    }
}

/// Whether there is a `1.0` in it, which JSON Schema counts as an integer.
fn has_whole_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_f64() && number.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        Value::Array(values) => values.iter().any(has_whole_float),
        Value::Object(members) => members.values().any(has_whole_float),
        _ => false,
    }
}
