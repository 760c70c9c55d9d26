//! Corrects schemas to match the decoder, where `schemars` allows more or less.

use schemars::Schema;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value};

use super::definitions;

/// Corrects a schema and all that is in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exact {
    /// A schema of what is decoded.
    Input,
    /// A schema of what is encoded.
    Output,
}

impl Transform for Exact {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(rules) = schema.as_object_mut() {
            bound_integer(rules);
            spell_integer_keys(rules);
            if matches!(self, Self::Input) {
                // A set with a repeated element decodes, and has the element once.
                definitions::remove(rules, "uniqueItems");
            }
        }
        transform_subschemas(self, schema);
    }
}

/// Gives an integer the bounds of its type, which `schemars` does only up to 16 bits.
fn bound_integer(rules: &mut Map<String, Value>) {
    let is_integer = rules.get("type").is_some_and(|kind| match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "integer"),
        kind => kind == "integer",
    });
    let format = rules.get("format").and_then(Value::as_str).filter(|_| is_integer);
    let Some((low, (high_rule, high))) = format.and_then(bounds) else { return };
    rules.entry("minimum").or_insert(low);
    if !rules.contains_key("maximum") {
        rules.insert(high_rule.to_owned(), high);
    }
}

/// The least value of an integer format; the rule for its greatest one, and that.
fn bounds(format: &str) -> Option<(Value, (&'static str, Value))> {
    let (low, high) = match format {
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "uint32" => (u32::MIN.into(), u32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "uint64" => (u64::MIN.into(), u64::MAX.into()),
        "int" => (isize::MIN.into(), isize::MAX.into()),
        "uint" => (usize::MIN.into(), usize::MAX.into()),
        // A JSON number can state these bounds only as powers of two.
        "int128" => {
            return Some((Value::from(-TWO_TO_127), ("exclusiveMaximum", TWO_TO_127.into())));
        }
        "uint128" => return Some((0.into(), ("exclusiveMaximum", (2.0 * TWO_TO_127).into()))),
        _ => return None,
    };
    Some((low, ("maximum", high)))
}

const TWO_TO_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

/// Allows only those integer keys of a map that are written as JSON writes integers.
fn spell_integer_keys(rules: &mut Map<String, Value>) {
    let Some(Value::Object(patterns)) = rules.get_mut("patternProperties") else { return };
    let spelled = std::mem::take(patterns).into_iter().map(|(pattern, schema)| {
        let pattern = match pattern.as_str() {
            r"^\d+$" => r"^(0|[1-9][0-9]*)$".to_owned(),
            r"^-?\d+$" => r"^(0|-?[1-9][0-9]*)$".to_owned(),
            _ => pattern,
        };
        (pattern, schema)
    });
    *patterns = spelled.collect();
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::json;

    use crate::{describe, describe_output};

    #[test]
    fn integers_are_bounded() {
        for (schema, low, high) in [
            (describe::<i32>(), json!(i32::MIN), json!(i32::MAX)),
            (describe::<u32>(), json!(0), json!(u32::MAX)),
            (describe::<Option<i64>>(), json!(i64::MIN), json!(i64::MAX)),
            (describe_output::<u64>(), json!(0), json!(u64::MAX)),
            (describe::<std::num::NonZeroUsize>(), json!(1), json!(usize::MAX)),
        ] {
            assert_eq!(schema.get("minimum"), Some(&low), "{schema:?}");
            assert_eq!(schema.get("maximum"), Some(&high), "{schema:?}");
        }
        assert_eq!(describe::<i128>().get("exclusiveMaximum"), Some(&json!(2_f64.powi(127))));
        assert_eq!(describe::<u128>().get("exclusiveMaximum"), Some(&json!(2_f64.powi(128))));
        assert_eq!(describe::<f64>().get("maximum"), None);
    }

    #[test]
    fn integer_keys_are_written_as_integers() {
        let patterns = |schema: schemars::Schema| schema.get("patternProperties").cloned();
        let values = |pattern: &str| Some(json!({ pattern: {"type": "boolean"} }));
        assert_eq!(patterns(describe::<BTreeMap<u64, bool>>()), values("^(0|[1-9][0-9]*)$"));
        assert_eq!(patterns(describe::<BTreeMap<i32, bool>>()), values("^(0|-?[1-9][0-9]*)$"));
    }

    #[test]
    fn a_set_may_be_given_an_element_twice() {
        assert_eq!(describe::<BTreeSet<u8>>().get("uniqueItems"), None);
        assert_eq!(describe_output::<BTreeSet<u8>>().get("uniqueItems"), Some(&json!(true)));
    }
}
