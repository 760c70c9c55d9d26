//! To a JSON Schema: what Go's JSON decoder accepts for a type.

use brpc_proto::limits::MAX_SCHEMA_DEPTH;
use schemars::Schema;
use serde_json::{Map, Value, json};

use super::{Entity, INTEGER_KEY, UNSIGNED_KEY};
use crate::limits::MAX_PARTS;

impl Entity {
    /// A JSON Schema of what a Go program accepts for this type, and of what it encodes.
    ///
    /// An object has the properties of the struct in their order, and may have others. Slices and
    /// maps may be `null`, and so may fields that aren't mandatory. What isn't described, such as
    /// an `interface`, may be anything.
    ///
    /// It nests less than [`MAX_SCHEMA_DEPTH`] levels deep and has at most 16,384
    /// values; what is beyond may be anything, too.
    pub fn to_schema(&self) -> Schema {
        self.to_schema_within(&mut { MAX_PARTS })
    }

    /// The same, with at most so many values, which are subtracted. For the schemas of a plugin,
    /// whose values are counted together.
    pub fn to_schema_within(&self, values_left: &mut usize) -> Schema {
        // A schema that isn't empty counts one more: the value itself.
        let Some(left) = values_left.checked_sub(1) else { return true.into() };
        *values_left = left;
        let mut build = Build { values_left };
        let schema = build.schema(&self.kind, &self.fields, false, MAX_SCHEMA_DEPTH - 1);
        Schema::try_from(schema).unwrap_or_else(|_| true.into())
    }
}

/// Makes schemas within a budget of values, counted as JSON's brackets, commas and colons.
struct Build<'a> {
    values_left: &'a mut usize,
}

impl Build<'_> {
    /// The schema of this kind; its JSON nests at most so many levels deep.
    fn schema(&mut self, kind: &str, fields: &[Entity], is_nullable: bool, depth: usize) -> Value {
        if kind == "[]uint8" {
            return self.bytes(depth);
        }
        if let Some(element) = kind.strip_prefix("[]") {
            return self.elements("array", element, fields, depth);
        }
        if let Some((key, value)) = kind.strip_prefix("map[").and_then(|map| map.split_once(']')) {
            return match key {
                _ if key.starts_with("int") => self.integer_map(INTEGER_KEY, value, fields, depth),
                _ if key.starts_with("uint") => {
                    self.integer_map(UNSIGNED_KEY, value, fields, depth)
                }
                _ => self.elements("object", value, fields, depth),
            };
        }
        match kind {
            "string" => self.scalar("string", None, is_nullable, depth),
            "bool" => self.scalar("boolean", None, is_nullable, depth),
            "int" | "int8" | "int16" | "int32" | "int64" | "uint" | "uint8" | "uint16"
            | "uint32" | "uint64" => self.scalar("integer", Some(kind), is_nullable, depth),
            "uintptr" => self.scalar("integer", Some("uint"), is_nullable, depth),
            "float32" => self.scalar("number", Some("float"), is_nullable, depth),
            "float64" => self.scalar("number", Some("double"), is_nullable, depth),
            "struct" => self.object(fields, is_nullable, depth),
            _ => Value::Bool(true),
        }
    }

    fn scalar(
        &mut self,
        kind: &str,
        format: Option<&str>,
        is_nullable: bool,
        depth: usize,
    ) -> Value {
        let levels = 1 + usize::from(is_nullable);
        if depth < levels || !self.pay(SCALAR) {
            return Value::Bool(true);
        }
        let mut rules = with_type(kind, is_nullable);
        rules.extend(format.map(|format| ("format".to_owned(), format.into())));
        rules.into()
    }

    /// Bytes: Go writes those of a slice in base64 and those of an array as a list, describes both
    /// alike, and decodes a slice from either.
    fn bytes(&mut self, depth: usize) -> Value {
        if depth < 2 || !self.pay(SCALAR + 1) {
            return Value::Bool(true);
        }
        let element = self.scalar("integer", Some("uint8"), false, depth - 1);
        json!({ "type": ["string", "array", "null"], "items": element })
    }

    /// A slice, or a map with texts as keys.
    fn elements(&mut self, kind: &str, of: &str, fields: &[Entity], depth: usize) -> Value {
        if depth < 2 || !self.pay(SCALAR) {
            return Value::Bool(true);
        }
        let rule = if kind == "array" { "items" } else { "additionalProperties" };
        let mut rules = with_type(kind, true);
        rules.insert(rule.to_owned(), self.schema(of, fields, false, depth - 1));
        rules.into()
    }

    /// A map with numbers as keys, as this project's own types are described.
    fn integer_map(&mut self, keys: &str, of: &str, fields: &[Entity], depth: usize) -> Value {
        if depth < 2 || !self.pay(SCALAR + MEMBER + 2) {
            return Value::Bool(true);
        }
        let mut rules = with_type("object", true);
        let values = self.schema(of, fields, false, depth - 2);
        rules.insert("patternProperties".to_owned(), json!({ keys: values }));
        rules.insert("additionalProperties".to_owned(), false.into());
        rules.into()
    }

    fn object(&mut self, fields: &[Entity], is_nullable: bool, depth: usize) -> Value {
        let mandatory = fields.iter().filter(|field| field.mandatory).count();
        let cost = SCALAR + MEMBER + 2 + MEMBER * fields.len() + mandatory;
        if depth < 2 || fields.is_empty() || !self.pay(cost) {
            return Value::Bool(true);
        }
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for Entity { name, kind, mandatory, fields } in fields {
            let schema = self.schema(kind, fields, !mandatory, depth - 2);
            let is_new = properties.insert(name.clone(), schema).is_none();
            if *mandatory && is_new {
                required.push(Value::from(name.as_str()));
            }
        }
        let mut rules = with_type("object", is_nullable);
        rules.insert("properties".to_owned(), properties.into());
        if !required.is_empty() {
            rules.insert("required".to_owned(), required.into());
        }
        rules.into()
    }

    /// Spends values of the budget; false, and nothing is spent, if there are too few.
    fn pay(&mut self, values: usize) -> bool {
        let left = self.values_left.checked_sub(values);
        *self.values_left = left.unwrap_or(*self.values_left);
        left.is_some()
    }
}

/// The rules for its type, and whether it may be `null`.
fn with_type(kind: &str, is_nullable: bool) -> Map<String, Value> {
    let kind = if is_nullable { json!([kind, "null"]) } else { kind.into() };
    Map::from_iter([("type".to_owned(), kind)])
}

/// The cost of an object's member: a comma and a colon.
const MEMBER: usize = 2;

/// The highest cost of `{"type": [.., "null"], "format": ..}`, or with another second rule.
const SCALAR: usize = 1 + 2 * MEMBER + 2;

#[cfg(test)]
mod tests {
    use brpc_proto::json::check;

    use super::*;

    fn field(name: &str, kind: &str, mandatory: bool) -> Entity {
        let (name, kind) = (name.to_owned(), kind.to_owned());
        Entity { name, kind, mandatory, fields: Vec::new() }
    }

    fn structure(kind: &str, fields: Vec<Entity>) -> Entity {
        Entity { fields, ..field("", kind, false) }
    }

    fn of_kind(kind: &str) -> Value {
        field("", kind, false).to_schema().to_value()
    }

    #[test]
    fn kinds_of_go() {
        for (kind, schema) in [
            ("string", json!({"type": "string"})),
            ("bool", json!({"type": "boolean"})),
            ("int", json!({"type": "integer", "format": "int"})),
            ("uint8", json!({"type": "integer", "format": "uint8"})),
            ("uintptr", json!({"type": "integer", "format": "uint"})),
            ("float32", json!({"type": "number", "format": "float"})),
            ("float64", json!({"type": "number", "format": "double"})),
            (
                "[]uint8",
                json!({
                    "type": ["string", "array", "null"],
                    "items": {"type": "integer", "format": "uint8"},
                }),
            ),
            ("[]string", json!({"type": ["array", "null"], "items": {"type": "string"}})),
            (
                "[][]uint16",
                json!({
                    "type": ["array", "null"],
                    "items": {
                        "type": ["array", "null"],
                        "items": {"type": "integer", "format": "uint16"},
                    },
                }),
            ),
            (
                "map[string]bool",
                json!({"type": ["object", "null"], "additionalProperties": {"type": "boolean"}}),
            ),
            (
                "map[uint16]interface",
                json!({
                    "type": ["object", "null"],
                    "patternProperties": {"^(0|[1-9][0-9]*)$": true},
                    "additionalProperties": false,
                }),
            ),
            ("map[string", json!(true)),
            ("struct", json!(true)),
            ("interface", json!(true)),
            ("complex128", json!(true)),
            ("", json!(true)),
        ] {
            assert_eq!(of_kind(kind), schema, "{kind}");
        }
    }

    #[test]
    fn fields_are_in_the_order_of_their_names() {
        let inner = vec![field("a", "string", false), field("z", "int", true)];
        let list = Entity { mandatory: true, ..structure("[]struct", inner) };
        let whole = structure("struct", vec![Entity { name: "list".to_owned(), ..list }]);
        let schema = whole.to_schema().to_value();
        let expected = json!({
            "type": "object",
            "properties": {"list": {
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "properties": {
                        "a": {"type": ["string", "null"]},
                        "z": {"type": "integer", "format": "int"},
                    },
                    "required": ["z"],
                },
            }},
            "required": ["list"],
        });
        assert_eq!(schema.to_string(), expected.to_string());
        assert_eq!(Entity::from_schema(&whole.to_schema()), Some(whole));
    }

    #[test]
    fn a_field_that_is_given_twice_is_required_once() {
        let twice = structure("struct", vec![field("a", "int", true), field("a", "bool", true)]);
        assert_eq!(twice.to_schema().get("required"), Some(&json!(["a"])));
    }

    #[test]
    fn depth_is_bounded() {
        let most = MAX_SCHEMA_DEPTH - 1;
        for leaf in ["string", "[]string", "[]uint8", "map[int]map[string]bool", "interface"] {
            for (kind, levels) in [("struct", 64), ("[][][]struct", 16), ("map[int]struct", 32)] {
                for mandatory in [true, false] {
                    let mut entity = field("f", leaf, mandatory);
                    for _ in 0..levels {
                        let outer = Entity { mandatory, ..field("f", kind, mandatory) };
                        entity = Entity { fields: vec![entity], ..outer };
                        let text = entity.to_schema().as_value().to_string();
                        check(text.as_bytes(), most, usize::MAX).unwrap();
                    }
                }
            }
        }
        let text = of_kind(&"[]".repeat(500_000)).to_string();
        check(text.as_bytes(), most, usize::MAX).unwrap();
        let text = of_kind(&"map[string]".repeat(100_000)).to_string();
        check(text.as_bytes(), most, usize::MAX).unwrap();
    }

    #[test]
    fn values_are_bounded_and_counted_as_the_description_counts_them() {
        let kinds = ["int", "[]uint8", "[]bool", "map[int]string", "struct", "[][]float64"];
        let fields = |count: usize| -> Vec<_> {
            (0..count)
                .map(|n| field(&format!("f{n}"), kinds[n % kinds.len()], n % 3 == 0))
                .collect()
        };
        for count in [1, 10, 1_000, 1_500, 1_700, 3_000, 9_000] {
            let inner = structure("[]struct", fields(count));
            let whole = structure("struct", vec![Entity { name: "list".to_owned(), ..inner }]);
            let mut left = MAX_PARTS;
            let text = whole.to_schema_within(&mut left).as_value().to_string();
            check(text.as_bytes(), MAX_SCHEMA_DEPTH, MAX_PARTS - left).unwrap();
            assert_eq!(text.contains("\"f999\""), (1_000..9_000).contains(&count), "{count}");
        }
        let mut left = 0;
        assert_eq!(field("", "int", true).to_schema_within(&mut left), Schema::from(true));
        assert_eq!(left, 0);
    }
}
