//! Values that may have several forms, and types within themselves.

use serde_json::json;

use super::*;

#[test]
fn constants_are_compared_one_by_one() {
    let two = json!({"enum": ["a", "b"]});
    assert_eq!(paths(json!({"const": "a"}), two.clone()), NONE);
    assert_eq!(
        problem(json!({"enum": ["a", "c"]}), two.clone()),
        "the plugin takes `\"a\"` or `\"b\"`, and the client sends `\"c\"`"
    );
    assert_eq!(paths(json!({"type": "string"}), two.clone()), ["."]);
    assert_eq!(paths(two.clone(), json!({"oneOf": [{"const": "b"}, {"const": "a"}]})), NONE);
    assert_eq!(paths(two, json!({"type": "string"})), NONE);
    assert_eq!(paths(json!({"type": "boolean"}), json!({"enum": [true, false]})), NONE);
    assert_eq!(paths(json!({"type": "boolean"}), json!({"const": true})), ["."]);
    assert_eq!(paths(json!({"type": "null"}), json!({"const": null})), NONE);
}

#[test]
fn an_optional_value_tells_what_is_in_it() {
    let optional = |schema: Value| json!({"anyOf": [schema, {"type": "null"}]});
    let (one, other) =
        (object("a", json!({"type": "string"}), true), object("a", json!({"type": "null"}), true));
    assert_eq!(paths(one.clone(), optional(one.clone())), NONE);
    assert_eq!(paths(one.clone(), optional(other.clone())), ["a"]);
    assert_eq!(paths(optional(one.clone()), optional(other)), ["a"]);
    assert_eq!(paths(optional(one.clone()), one), ["."]);
}

#[test]
fn an_enum_tells_what_is_wrong_with_a_variant() {
    let variant = |tag: &str, schema: &str| {
        json!({"type": "object", "required": ["t", "v"],
            "properties": {"t": {"type": "string", "const": tag}, "v": {"type": schema}}})
    };
    let of = |variants: &[Value]| json!({ "oneOf": variants });
    let taken = of(&[variant("a", "string"), variant("b", "null")]);
    assert_eq!(paths(of(&[variant("b", "null")]), taken.clone()), NONE);
    assert_eq!(paths(of(&[variant("a", "null"), variant("b", "null")]), taken.clone()), ["v"]);
    assert_eq!(
        problem(variant("c", "null"), taken),
        "the plugin takes an object with `t`: `\"a\"` and `v` or an object with `t`: `\"b\"` and `v`, \
         and the client sends an object with `t`: `\"c\"` and `v`"
    );
    // By the name of its only member.
    let taken = of(&[object("A", json!({"type": "string"}), true), json!({"enum": ["B"]})]);
    assert_eq!(paths(object("A", json!({"type": "null"}), true), taken.clone()), ["A"]);
    assert_eq!(paths(object("C", json!({"type": "null"}), true), taken), ["."]);
}

#[test]
fn what_several_forms_take_together_is_no_difference() {
    let bounded = |low, high| json!({"type": "integer", "minimum": low, "maximum": high});
    let taken = json!({"anyOf": [bounded(0, 10), bounded(5, 20)]});
    assert_eq!(paths(bounded(0, 20), taken), NONE);
    // Only one of them takes integers, so it has to take all.
    let taken = json!({"anyOf": [bounded(0, 10), {"type": "string"}]});
    assert_eq!(paths(bounded(0, 20), taken), ["."]);
}

#[test]
fn rules_that_all_hold_are_looked_at_together() {
    let sent = json!({"$ref": "#/$defs/A", "properties": {"t": {"const": "x"}}, "required": ["t"],
        "$defs": {"A": object("a", json!({"type": "integer"}), true)}});
    let both = |a: &str| {
        json!({"allOf": [
        object("t", json!({"const": "x"}), true), object("a", json!({"type": a}), true)]})
    };
    assert_eq!(paths(sent.clone(), both("integer")), NONE);
    assert_eq!(paths(sent, both("string")), ["a"]);
}

#[test]
fn h17_types_that_contain_themselves_end() {
    let tree = |value: &str| {
        json!({"$ref": "#/$defs/Tree", "$defs": {"Tree": {"type": "object", "required": ["v", "of"],
            "properties": {"v": {"type": value},
                "of": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}}})
    };
    assert_eq!(paths(tree("integer"), tree("integer")), NONE);
    assert_eq!(paths(tree("integer"), tree("string")), ["v"]);
    let knot = json!({"$ref": "#"});
    assert_eq!(paths(knot.clone(), json!({"type": "string"})), NONE);
    assert_eq!(paths(json!({"type": "string"}), knot.clone()), NONE);
    assert_eq!(paths(knot.clone(), knot), NONE);
}

#[test]
fn a_schema_that_branches_without_end_is_given_up() {
    let level = |next: usize| {
        let next = json!({"$ref": format!("#/$defs/{next}")});
        json!({"anyOf": [next.clone(), next]})
    };
    let definitions: serde_json::Map<_, _> =
        (0..30).map(|n| (n.to_string(), level(n + 1))).collect();
    let mut bomb = json!({"$ref": "#/$defs/0", "$defs": definitions});
    bomb["$defs"]["30"] = json!({"type": "string"});
    assert_eq!(paths(json!({"type": "integer"}), bomb.clone()), NONE);
    assert_eq!(paths(bomb, json!({"type": "integer"})), NONE);
}
