//! The second forms in which `serde` takes a value, and which schemas don't show.

use serde_json::Value;

/// The value, with what is in a second form replaced by what comes of encoding it again.
pub(crate) fn replaced(value: &Value, again: &Value) -> Value {
    match (value, again) {
        // A struct, or an enum with a tag, as an array of its fields; or a variant by its number,
        // inside of what is buffered.
        (Value::Array(_), Value::Object(_)) | (Value::Number(_), Value::String(_)) => again.clone(),
        // A variant without content as an object.
        (Value::Object(members), Value::String(variant))
            if members.len() == 1 && members.get(variant) == Some(&Value::Null) =>
        {
            again.clone()
        }
        // A unit struct inside of what is buffered.
        (Value::Object(members), Value::Null) if members.is_empty() => Value::Null,
        (Value::Array(elements), Value::Null) if elements.is_empty() => Value::Null,
        (Value::Array(elements), Value::Array(again)) => {
            let pairs = elements.iter().zip(again);
            pairs.map(|(element, again)| replaced(element, again)).collect()
        }
        (Value::Object(members), Value::Object(again)) => {
            let replaced = members.iter().map(|(name, member)| {
                let again = again.get(name).unwrap_or(member);
                (name.clone(), replaced(member, again))
            });
            Value::Object(replaced.collect())
        }
        _ => value.clone(),
    }
}
