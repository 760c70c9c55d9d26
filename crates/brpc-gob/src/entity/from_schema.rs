//! From a JSON Schema: how a Go program would describe a type with the same JSON.

use std::collections::HashSet;

use brpc_core::limits::MAX_DESCRIPTION;
use brpc_proto::limits::MAX_SCHEMA_DEPTH;
use schemars::Schema;
use serde_json::{Map, Value};

use super::{Entity, INTEGER_KEY, UNSIGNED_KEY};
use crate::limits::MAX_PARTS;

impl Entity {
    /// How a Go program would describe a type with this schema; `None` for one without fields.
    ///
    /// - A field is mandatory if it is `required` and not nullable. Go's slices and maps are always
    ///   nullable, so for them `null` doesn't count.
    /// - A type that is optional only because of `null` is described without `null`, as Go's
    ///   pointers are.
    /// - A type within itself is a `struct` without fields there.
    /// - A type that Go doesn't have is an `interface`.
    ///
    /// References in a schema are followed only within limits: there are no fields deeper than
    /// [`MAX_SCHEMA_DEPTH`], and no more than 16,384 in all.
    pub fn from_schema(schema: &Schema) -> Option<Self> {
        let mut walk = Walk {
            document: schema,
            open: Vec::new(),
            parts_left: MAX_PARTS,
            bytes_left: MAX_DESCRIPTION,
        };
        let Form { kind, fields, .. } = walk.form(schema.as_value(), MAX_SCHEMA_DEPTH)?;
        Some(Self { kind, fields, ..Self::default() })
    }
}

/// The meaning of a schema, in terms of Go.
struct Form {
    kind: String,
    fields: Vec<Entity>,
    is_nullable: bool,
}

impl Form {
    fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), fields: Vec::new(), is_nullable: false }
    }

    fn interface() -> Self {
        Self::new("interface")
    }

    /// Whether both are equal, apart from `null`.
    fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind && self.fields == other.fields
    }
}

/// A walk through a schema, within a budget: references can expand a short text to a tree of any
/// size.
struct Walk<'a> {
    document: &'a Schema,
    /// The schemas that the walk is in, the outermost first.
    open: Vec<&'a Value>,
    /// The budget of schema parts.
    parts_left: usize,
    /// The budget of bytes of names.
    bytes_left: usize,
}

impl<'a> Walk<'a> {
    /// The meaning of a schema; `None` for a struct without fields. Structs in it nest at most so
    /// many levels deep.
    fn form(&mut self, schema: &'a Value, depth: usize) -> Option<Form> {
        let Some(rules) = schema.as_object() else { return Some(Form::interface()) };
        if self.open.iter().any(|open| std::ptr::eq(*open, schema)) {
            return Some(Form::new("struct"));
        }
        if self.open.len() == MAX_OPEN || !self.pay(1, 0) {
            return Some(Form::interface());
        }
        self.open.push(schema);
        let form = self.form_of_rules(rules, depth);
        self.open.pop();
        form
    }

    fn form_of_rules(&mut self, rules: &'a Map<String, Value>, depth: usize) -> Option<Form> {
        let form = match rules.get("type") {
            Some(Value::String(kind)) => return self.form_of_type(kind, rules, depth),
            Some(Value::Array(kinds)) if self.pay(kinds.len(), 0) => {
                let is_nullable = kinds.iter().any(|kind| kind == "null");
                let mut others = kinds.iter().filter(|kind| *kind != "null");
                let form = match (others.next().and_then(Value::as_str), others.next()) {
                    (Some(kind), None) => self.form_of_type(kind, rules, depth)?,
                    _ => Form::interface(),
                };
                return Some(Form { is_nullable, ..form });
            }
            Some(_) => Form::interface(),
            None if has_properties(rules) => return self.form_of_object(rules, depth),
            None => return self.form_without_type(rules, depth),
        };
        Some(form)
    }

    fn form_of_type(
        &mut self,
        kind: &str,
        rules: &'a Map<String, Value>,
        depth: usize,
    ) -> Option<Form> {
        let format = rules.get("format").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "null" => None,
            "string" => Some(Form::new("string")),
            "boolean" => Some(Form::new("bool")),
            "integer" => Some(Form::new(integer(format))),
            "number" if format == "float" => Some(Form::new("float32")),
            "number" => Some(Form::new("float64")),
            "array" => match rules.get("items") {
                Some(items) => self.form_of_elements("[]", items, depth),
                None => Some(Form::new("[]interface")),
            },
            "object" => self.form_of_object(rules, depth),
            _ => Some(Form::interface()),
        }
    }

    /// The slice or map with this prefix.
    fn form_of_elements(&mut self, prefix: &str, of: &'a Value, depth: usize) -> Option<Form> {
        let Form { kind, fields, .. } = self.form(of, depth)?;
        Some(Form { kind: format!("{prefix}{kind}"), fields, is_nullable: false })
    }

    fn form_of_object(&mut self, rules: &'a Map<String, Value>, depth: usize) -> Option<Form> {
        if has_properties(rules) {
            return self.form_of_struct(rules, depth);
        }
        if CHOICES.iter().any(|choice| rules.contains_key(*choice)) {
            return Some(Form::interface());
        }
        if let Some(Value::Object(patterns)) = rules.get("patternProperties")
            && let Some((pattern, values)) = patterns.iter().next()
        {
            let prefix = match pattern.as_str() {
                INTEGER_KEY => "map[int]",
                UNSIGNED_KEY => "map[uint]",
                _ => "map[string]",
            };
            return self.form_of_elements(prefix, values, depth);
        }
        match rules.get("additionalProperties") {
            None | Some(Value::Bool(false)) => None,
            Some(values) => self.form_of_elements("map[string]", values, depth),
        }
    }

    fn form_of_struct(&mut self, rules: &'a Map<String, Value>, depth: usize) -> Option<Form> {
        let mut form = Form::new("struct");
        let Some(depth) = depth.checked_sub(1).filter(|depth| *depth > 0) else {
            return Some(form);
        };
        let required = rules.get("required").and_then(Value::as_array);
        let required = required.map_or(&[][..], Vec::as_slice);
        if !self.pay(required.len(), 0) {
            return Some(form);
        }
        let required: HashSet<&str> = required.iter().filter_map(Value::as_str).collect();
        let properties = rules.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, schema) in properties {
            if !self.pay(1, name.len()) {
                // A part beyond the budget isn't empty.
                return Some(form);
            }
            let Some(Form { kind, fields, is_nullable }) = self.form(schema, depth) else {
                continue;
            };
            let is_nil = is_nullable && !kind.starts_with("[]") && !kind.starts_with("map[");
            let mandatory = required.contains(&**name) && !is_nil;
            form.fields.push(Entity { name: name.clone(), kind, mandatory, fields });
        }
        // As in Go: a struct without described fields is omitted.
        if form.fields.is_empty() { None } else { Some(form) }
    }

    fn form_without_type(&mut self, rules: &'a Map<String, Value>, depth: usize) -> Option<Form> {
        if let Some(Value::String(target)) = rules.get("$ref") {
            let target =
                if self.pay(0, target.len()) { self.document.pointer(target) } else { None };
            return target.map_or_else(|| Some(Form::interface()), |it| self.form(it, depth));
        }
        if let Some(choices) = CHOICES.iter().find_map(|choice| rules.get(*choice)?.as_array()) {
            return self.form_of_choices(choices, depth);
        }
        let constant = rules.get("const").map(std::slice::from_ref);
        let values = constant.or_else(|| rules.get("enum")?.as_array().map(Vec::as_slice));
        match values {
            Some(values) if self.pay(values.len(), 0) => Some(form_of_values(values)),
            _ => Some(Form::interface()),
        }
    }

    /// The meaning of a choice: the one alternative besides `null`, or what all have in common.
    fn form_of_choices(&mut self, choices: &'a [Value], depth: usize) -> Option<Form> {
        if !self.pay(choices.len(), 0) {
            return Some(Form::interface());
        }
        let is_null = |choice: &&Value| choice.get("type").is_some_and(|kind| kind == "null");
        let has_null = choices.iter().any(|choice| is_null(&choice));
        let mut others = choices.iter().filter(|choice| !is_null(choice));
        let mut form = self.form(others.next()?, depth);
        for other in others {
            match (&mut form, self.form(other, depth)) {
                (Some(form), Some(other)) if form.is_like(&other) => {
                    form.is_nullable |= other.is_nullable;
                }
                // A variant without fields has no kind to compare, but isn't empty.
                _ => return Some(Form { is_nullable: has_null, ..Form::interface() }),
            }
        }
        if let Some(form) = &mut form {
            form.is_nullable |= has_null;
        }
        form
    }

    /// Spends parts and bytes of the budget; false if it is used up.
    fn pay(&mut self, parts: usize, bytes: usize) -> bool {
        let left = (self.parts_left.checked_sub(parts), self.bytes_left.checked_sub(bytes));
        self.parts_left = left.0.unwrap_or(0);
        self.bytes_left = left.1.unwrap_or(0);
        left.0.is_some() && left.1.is_some()
    }
}

fn has_properties(rules: &Map<String, Value>) -> bool {
    rules.get("properties").and_then(Value::as_object).is_some_and(|it| !it.is_empty())
}

/// What some values have in common.
fn form_of_values(values: &[Value]) -> Form {
    let mut others = values.iter().filter(|value| !value.is_null()).map(kind_of_value);
    let kind = others.next().unwrap_or("interface");
    let kind = if others.all(|other| other == kind) { kind } else { "interface" };
    Form { is_nullable: values.iter().any(Value::is_null), ..Form::new(kind) }
}

fn kind_of_value(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int",
        _ => "interface",
    }
}

/// The integer of Go with this format.
fn integer(format: &str) -> &str {
    match format {
        "int8" | "int16" | "int32" | "int64" | "uint" | "uint8" | "uint16" | "uint32"
        | "uint64" => format,
        // Go has none of 128 bits, but the sign is kept.
        "uint128" => "uint",
        _ => "int",
    }
}

/// The rules that are choices. `allOf` is one if it has one part, as some generators write it.
const CHOICES: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// The deepest nesting of schemas, references included, which limits the stack.
const MAX_OPEN: usize = 4 * MAX_SCHEMA_DEPTH;

#[cfg(test)]
mod tests;
