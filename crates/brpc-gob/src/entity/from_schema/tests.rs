use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::json;

use super::*;
use crate::{output_description, type_description};

fn kind(schema: Value) -> Option<String> {
    Entity::from_schema(&schema.try_into().unwrap()).map(|entity| entity.kind)
}

/// The fields in a line: name, kind, `!` if mandatory, and the fields in it.
fn line(fields: &[Entity]) -> String {
    let field = |Entity { name, kind, mandatory, fields }: &Entity| {
        let fields = if fields.is_empty() { String::new() } else { format!("({})", line(fields)) };
        format!("{name}:{kind}{}{fields}", if *mandatory { "!" } else { "" })
    };
    fields.iter().map(field).collect::<Vec<_>>().join(" ")
}

fn fields<T: JsonSchema>() -> String {
    line(&type_description::<T>().unwrap().fields)
}

#[test]
fn kinds_of_json() {
    for (schema, expected) in [
        (json!(true), "interface"),
        (json!(false), "interface"),
        (json!({}), "interface"),
        (json!({"type": "string"}), "string"),
        (json!({"type": ["string", "null"]}), "string"),
        (json!({"type": ["string", "integer"]}), "interface"),
        (json!({"type": "integer"}), "int"),
        (json!({"type": "integer", "format": "uint16"}), "uint16"),
        (json!({"type": "integer", "format": "uint128"}), "uint"),
        (json!({"type": "integer", "format": "odd"}), "int"),
        (json!({"type": "number"}), "float64"),
        (json!({"type": "number", "format": "float"}), "float32"),
        (json!({"type": "array"}), "[]interface"),
        (
            json!({"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}}),
            "[][]bool",
        ),
        (json!({"type": "array", "prefixItems": [{"type": "string"}]}), "[]interface"),
        (json!({"type": "object", "additionalProperties": true}), "map[string]interface"),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            "map[string]string",
        ),
        (
            json!({"type": "object", "patternProperties": {"^x": {"type": "string"}}}),
            "map[string]string",
        ),
        (json!({"type": "object", "anyOf": [{"required": ["a"]}]}), "interface"),
        (json!({"enum": ["a", "b"]}), "string"),
        (json!({"enum": ["a", 1]}), "interface"),
        (json!({"enum": ["a", null]}), "string"),
        (json!({"const": 7}), "int"),
        (json!({"const": 7.5}), "float64"),
        (json!({"oneOf": [{"const": "a"}, {"const": "b", "description": "B."}]}), "string"),
        (json!({"oneOf": [{"enum": ["a"], "type": "string"}, {"const": "b"}]}), "string"),
        (json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}), "interface"),
        (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), "string"),
        (json!({"anyOf": [{"type": "string"}, {"type": "object"}]}), "interface"),
        (json!({"anyOf": [{"type": ["string", "null"]}, {"type": "string"}]}), "string"),
        (json!({"allOf": [{"type": "boolean"}], "description": "A bool."}), "bool"),
        (json!({"$ref": "#/$defs/a%20b", "$defs": {"a b": {"type": "boolean"}}}), "bool"),
        (json!({"$ref": "#/definitions/a", "definitions": {"a": {"type": "boolean"}}}), "bool"),
        (json!({"$ref": "#/$defs/missing"}), "interface"),
        (json!({"$ref": "http://example.com/a"}), "interface"),
        (json!({"$ref": "#"}), "struct"),
        (json!({"type": 7, "properties": [], "required": {}, "anyOf": 1}), "interface"),
    ] {
        assert_eq!(kind(schema.clone()).as_deref(), Some(expected), "{schema}");
    }
    for nothing in [
        json!({"type": "null"}),
        json!({"type": "object"}),
        json!({"type": "object", "properties": {}, "additionalProperties": false}),
        json!({"type": "array", "items": {"type": "object"}}),
        json!({"type": "object", "properties": {"a": {"type": "object"}}}),
    ] {
        assert_eq!(kind(nothing.clone()), None, "{nothing}");
    }
}

#[test]
#[allow(dead_code)]
fn types_of_rust() {
    #[derive(JsonSchema)]
    enum Colour {
        Red,
        /// With a text, it is a `const`.
        Blue,
    }
    #[derive(JsonSchema)]
    enum Shape {
        Circle(f64),
        Square { side: f64 },
    }
    #[derive(JsonSchema)]
    struct Point {
        x: f32,
    }
    #[derive(JsonSchema)]
    struct Empty {}
    #[derive(JsonSchema)]
    struct All {
        z: i64,
        colour: Colour,
        shape: Shape,
        points: Vec<Point>,
        by_name: BTreeMap<String, Point>,
        by_number: BTreeMap<u32, Vec<Point>>,
        maybe: Option<Point>,
        maybe_list: Option<Vec<u8>>,
        #[schemars(default)]
        count: usize,
        any: Value,
        empty: Empty,
        unit: (),
        pair: (u8, String),
        three: [bool; 3],
        character: char,
        duration: std::time::Duration,
    }
    assert_eq!(
        fields::<All>(),
        "any:interface! by_name:map[string]struct!(x:float32!) \
         by_number:map[uint][]struct!(x:float32!) character:string! colour:string! count:uint \
         duration:struct!(nanos:uint32! secs:uint64!) maybe:struct(x:float32!) maybe_list:[]uint8 \
         pair:[]interface! points:[]struct!(x:float32!) shape:interface! three:[]bool! z:int64!"
    );
    assert_eq!(type_description::<Empty>(), None);
    assert_eq!(type_description::<()>(), None);
    assert_eq!(type_description::<i32>().unwrap().kind, "int32");
    assert_eq!(type_description::<Vec<Option<Point>>>().unwrap().kind, "[]struct");
}

#[test]
#[allow(dead_code)]
fn what_is_null_is_not_mandatory_in_outputs() {
    #[derive(JsonSchema)]
    struct Output {
        always: Option<u8>,
        list: Option<Vec<u8>>,
        #[serde(rename(serialize = "out"))]
        name: String,
    }
    let entity = output_description::<Output>().unwrap();
    assert_eq!(line(&entity.fields), "always:uint8 list:[]uint8! out:string!");
}

#[test]
#[allow(dead_code)]
fn a_type_within_itself_is_cut() {
    #[derive(JsonSchema)]
    struct Node {
        value: u8,
        next: Option<Box<Node>>,
        children: Vec<Node>,
        named: BTreeMap<String, Node>,
    }
    #[derive(JsonSchema)]
    struct Tree(Vec<Tree>);
    #[derive(JsonSchema)]
    struct Root {
        node: Node,
    }
    let cut = "children:[]struct! named:map[string]struct! next:struct value:uint8!";
    assert_eq!(fields::<Node>(), cut);
    assert_eq!(fields::<Root>(), format!("node:struct!({cut})"));
    assert_eq!(type_description::<Tree>().unwrap().kind, "[]struct");
}

fn count(entity: &Entity) -> usize {
    1 + entity.fields.iter().map(count).sum::<usize>()
}

fn depth(entity: &Entity) -> usize {
    1 + entity.fields.iter().map(depth).max().unwrap_or(0)
}

/// Each type has the next one many times.
fn fan(levels: usize, width: usize, name: &str) -> Schema {
    let mut definitions = Map::new();
    for level in 0..levels {
        let next = json!({"$ref": format!("#/$defs/{}", level + 1)});
        let properties = (0..width).map(|n| (format!("{name}{n}"), next.clone()));
        let properties: Map<_, _> = properties.collect();
        let definition = json!({"type": "object", "properties": properties});
        definitions.insert(level.to_string(), definition);
    }
    definitions.insert(levels.to_string(), json!({"type": "string"}));
    json!({"$ref": "#/$defs/0", "$defs": definitions}).try_into().unwrap()
}

#[test]
fn references_that_multiply_are_bounded() {
    let entity = Entity::from_schema(&fan(30, 10, "f")).unwrap();
    assert!(count(&entity) <= MAX_PARTS, "{}", count(&entity));
    assert!(depth(&entity) <= MAX_SCHEMA_DEPTH, "{}", depth(&entity));
    // The same name over and over, too.
    let entity = Entity::from_schema(&fan(12, 2, &"n".repeat(100_000))).unwrap();
    assert!(count(&entity) < 20, "{}", count(&entity));
}

#[test]
fn chains_of_references_do_not_reach_the_end_of_the_stack() {
    let link = |n: usize, value: Value| (n.to_string(), value);
    for wrap in [
        |next: String| json!({"$ref": next}),
        |next: String| json!({"allOf": [{"$ref": next}]}),
        |next: String| json!({"anyOf": [{"$ref": next}, {"type": "null"}]}),
        |next: String| json!({"type": "array", "items": {"$ref": next}}),
        |next: String| json!({"type": "object", "properties": {"a": {"$ref": next}}}),
    ] {
        let links = (0..20_000).map(|n| link(n, wrap(format!("#/$defs/{}", n + 1))));
        let definitions: Map<_, _> = links.collect();
        let schema = json!({"$ref": "#/$defs/0", "$defs": definitions}).try_into().unwrap();
        assert!(depth(&Entity::from_schema(&schema).unwrap()) <= MAX_SCHEMA_DEPTH);
    }
}

#[test]
fn nests_as_deep_as_is_decoded() {
    let entity = Entity::from_schema(&fan(40, 1, "f")).unwrap();
    assert_eq!(depth(&entity), MAX_SCHEMA_DEPTH);
    let entity = Entity::from_schema(&fan(3, 1, "f")).unwrap();
    assert_eq!(depth(&entity), 4);
}

/// What takes long to look at, looked at again and again, is looked at a few times only.
#[test]
fn what_is_long_is_paid_for() {
    let many = |first: Value, other: Value| {
        std::iter::once(first).chain(vec![other; 999]).collect::<Vec<_>>()
    };
    let text = json!({"type": "string"});
    let name = "n".repeat(100_000);
    for (name, long) in [
        ("1", json!({"properties": {"a": true}, "required": many(json!("a"), json!("b"))})),
        ("2", json!({"enum": many(json!("a"), json!("b"))})),
        ("3", json!({"type": many(json!("string"), json!("null"))})),
        ("4", json!({"anyOf": many(text.clone(), json!({"type": "null"}))})),
        (&*name, text.clone()),
    ] {
        let target = json!({"$ref": format!("#/$defs/{name}")});
        let properties: Map<_, _> = (0..100).map(|n| (n.to_string(), target.clone())).collect();
        let schema = json!({"properties": properties, "$defs": {name: long}});
        let entity = Entity::from_schema(&schema.try_into().unwrap()).unwrap();
        assert!((5..20).contains(&entity.fields.len()), "{}", entity.fields.len());
    }
}
