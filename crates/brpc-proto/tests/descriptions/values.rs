//! Values that a schema asks for, more or less: at its bounds, and a step beyond.

use schemars::Schema;
use serde_json::{Map, Value, json};

use crate::rng::Rng;

/// A value that this document describes, most of the time.
pub(crate) fn value(rng: &mut Rng, document: &Schema, depth: usize) -> Value {
    Maker { rng, document }.value(document.as_value(), depth)
}

/// Any value.
pub(crate) fn any(rng: &mut Rng, depth: usize) -> Value {
    match rng.range(0, if depth == 0 { 4 } else { 6 }) {
        0 => Value::Null,
        1 => rng.one_in(2).into(),
        2 => text(rng).into(),
        3 => integer(rng),
        4 => rng.pick(&[json!(0.5), json!(-1.5), json!(2.0), json!(1e30)]),
        5 => (0..rng.range(0, 3)).map(|_| any(rng, depth - 1)).collect(),
        _ => (0..rng.range(0, 2)).map(|_| (name(rng), any(rng, depth - 1))).collect(),
    }
}

/// A name of a member: often one that a type of the table has.
pub(crate) fn name(rng: &mut Rng) -> String {
    let names =
        ["a", "b", "c", "t", "A", "B", "C", "D", "other", "0", "7", "-7", "007", "-0", "+1"];
    rng.pick(&names).to_owned()
}

/// An integer: small, or around the bounds of a type.
fn integer(rng: &mut Rng) -> Value {
    let bound = rng.pick(&[0, 0, 0, 8, 16, 32, 63, 64]);
    let step = rng.range(0, 4) as i128 - 2;
    let exact = match bound {
        0 => step * 3,
        bits if rng.one_in(2) => (1_i128 << bits) + step,
        bits if rng.one_in(2) => (1_i128 << (bits - 1)) + step,
        bits => -(1_i128 << (bits - 1)) + step,
    };
    number(exact)
}

/// A number as a JSON value holds it; as a float if it is too large for 64 bits.
fn number(exact: i128) -> Value {
    let unsigned = u64::try_from(exact).map(Value::from);
    let signed = i64::try_from(exact).map(Value::from);
    #[allow(clippy::cast_precision_loss)] // That is what is meant by a float.
    unsigned.or(signed).unwrap_or_else(|_| (exact as f64).into())
}

fn text(rng: &mut Rng) -> String {
    rng.pick(&["", "x", "\u{e9}", "\u{1F600}", "xy", "A", "B", "C", "D", "a", "1"]).to_owned()
}

/// Makes values for the parts of a document.
struct Maker<'a> {
    rng: &'a mut Rng,
    document: &'a Schema,
}

impl Maker<'_> {
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(rules) = schema.as_object() else { return any(self.rng, 1) };
        if let Some(target) = rules.get("$ref").and_then(Value::as_str) {
            let target = self.document.pointer(target).unwrap();
            return self.value(target, depth);
        }
        if let Some(only) = rules.get("const") {
            return only.clone();
        }
        if let Some(Value::Array(choices)) = rules.get("enum") {
            return self.rng.pick(choices);
        }
        let parts: Vec<_> = ["oneOf", "anyOf"].iter().filter_map(|rule| rules.get(*rule)).collect();
        let mut made = Value::Null;
        for choices in parts {
            let choices = choices.as_array().unwrap();
            // Where it is deep enough, what doesn't go deeper.
            let choice = if depth == 0 { choices.last() } else { None };
            let choice = choice.cloned().unwrap_or_else(|| self.rng.pick(choices));
            made = merged(made, self.value(&choice, depth.saturating_sub(1)));
        }
        for part in rules.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            made = merged(made, self.value(part, depth));
        }
        match rules.get("type") {
            Some(Value::Array(kinds)) => {
                let kind = if depth == 0 { "null".into() } else { self.rng.pick(kinds) };
                merged(made, self.of_kind(kind.as_str().unwrap(), rules, depth))
            }
            Some(kind) => merged(made, self.of_kind(kind.as_str().unwrap(), rules, depth)),
            None if made.is_null() && !rules.contains_key("anyOf") => any(self.rng, 1),
            None => made,
        }
    }

    fn of_kind(&mut self, kind: &str, rules: &Map<String, Value>, depth: usize) -> Value {
        match kind {
            "null" => Value::Null,
            "boolean" => self.rng.one_in(2).into(),
            "string" if rules.contains_key("maxLength") => {
                self.rng.pick(&["x", "\u{e9}", "\u{1F600}"]).into()
            }
            "string" => text(self.rng).into(),
            "integer" => self.integer(rules),
            "number" if self.rng.one_in(2) => integer(self.rng),
            "number" => self.rng.pick(&[json!(0.5), json!(-1.5), json!(2.0), json!(1e30)]),
            "array" => self.array(rules, depth),
            "object" => self.object(rules, depth),
            other => panic!("a type {other}"),
        }
    }

    fn integer(&mut self, rules: &Map<String, Value>) -> Value {
        let bound = |rule: &str| {
            let bound = rules.get(rule)?;
            bound.as_i64().map(i128::from).or_else(|| bound.as_u64().map(i128::from))
        };
        match (self.rng.range(0, 3), bound("minimum"), bound("maximum")) {
            (0, Some(low), _) => number(low + self.rng.range(0, 2) as i128 - 1),
            (1, _, Some(high)) => number(high + self.rng.range(0, 2) as i128 - 1),
            (2, ..) => integer(self.rng),
            _ => self.rng.range(1, 9).into(),
        }
    }

    fn array(&mut self, rules: &Map<String, Value>, depth: usize) -> Value {
        if let Some(Value::Array(places)) = rules.get("prefixItems") {
            return places.iter().map(|place| self.value(place, depth.saturating_sub(1))).collect();
        }
        let length = rules
            .get("maxItems")
            .and_then(Value::as_u64)
            .map_or(usize::MAX, |most| usize::try_from(most).unwrap());
        let length = if length == usize::MAX { self.rng.range(0, 3.min(depth)) } else { length };
        let items = rules.get("items").unwrap_or(&Value::Null);
        (0..length).map(|_| self.value(items, depth.saturating_sub(1))).collect()
    }

    fn object(&mut self, rules: &Map<String, Value>, depth: usize) -> Value {
        let mut object = Map::new();
        let empty = Map::new();
        let of = |rule: &str| rules.get(rule).and_then(Value::as_object).unwrap_or(&empty);
        let required = rules.get("required").and_then(Value::as_array);
        for (name, schema) in of("properties") {
            let is_required = required.is_some_and(|names| names.iter().any(|one| one == name));
            if is_required || (depth > 0 && self.rng.one_in(2)) {
                object.insert(name.clone(), self.value(schema, depth.saturating_sub(1)));
            }
        }
        for schema in of("patternProperties").values() {
            for _ in 0..self.rng.range(0, 2) {
                let key = match integer(self.rng) {
                    integer if self.rng.one_in(2) => integer.to_string(),
                    _ => self.rng.pick(&["0", "1", "7", "-7", "70"]).to_owned(),
                };
                object.insert(key, self.value(schema, depth.saturating_sub(1)));
            }
        }
        let others = ["additionalProperties", "unevaluatedProperties"];
        if let Some(schema) = others.iter().find_map(|rule| rules.get(*rule))
            && *schema != false
        {
            for _ in 0..self.rng.range(0, 2) {
                object.insert(name(self.rng), self.value(schema, depth.saturating_sub(1)));
            }
        }
        object.into()
    }
}

/// What has the members of both.
fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            one.extend(other);
            one.into()
        }
        (Value::Null, other) => other,
        (one, _) => one,
    }
}
