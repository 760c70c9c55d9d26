mod forms;
mod go;

use serde_json::{Value, json};

use super::*;

/// What isn't taken: the paths, and why.
fn refused(sent: Value, taken: Value) -> Vec<(String, String)> {
    let [sent, taken] = [sent, taken].map(|schema| Schema::try_from(schema).unwrap());
    let budget = Budget::default();
    let found = refusals(("client", Some(&sent)), ("plugin", Some(&taken)), OfGo::Neither, &budget);
    found.into_iter().map(|refusal| (refusal.path, refusal.problem)).collect()
}

/// The paths of what isn't taken.
fn paths(sent: Value, taken: Value) -> Vec<String> {
    refused(sent, taken).into_iter().map(|(path, _)| path).collect()
}

fn problem(sent: Value, taken: Value) -> String {
    let found = refused(sent, taken);
    let [(path, problem)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(path, ".");
    problem.clone()
}

/// An object with one member.
fn object(name: &str, schema: impl Into<Value>, is_required: bool) -> Value {
    let schema = schema.into();
    let required = if is_required { json!([name]) } else { json!([]) };
    json!({ "type": "object", "properties": { name: schema }, "required": required })
}

const NONE: [&str; 0] = [];

#[test]
fn types_are_told_apart() {
    assert_eq!(
        problem(json!({"type": "integer"}), json!({"type": ["string", "null"]})),
        "the plugin takes `null` or a string, and the client sends an integer"
    );
    assert_eq!(
        problem(json!({"type": ["integer", "null"]}), json!({"type": "integer"})),
        "the plugin takes an integer, and the client sends `null`"
    );
    assert_eq!(paths(json!({"type": "integer"}), json!({"type": "number"})), NONE);
    assert_eq!(paths(json!({"type": "number"}), json!({"type": "integer"})), ["."]);
    assert_eq!(paths(json!({"type": "integer"}), json!(false)), ["."]);
}

#[test]
fn what_is_not_said_is_no_difference() {
    for unknown in [json!(true), json!({}), json!({"description": "Anything."})] {
        assert_eq!(paths(unknown.clone(), json!({"type": "string"})), NONE);
        assert_eq!(paths(json!({"type": "string"}), unknown), NONE);
    }
    // What is never sent is taken by all.
    assert_eq!(paths(json!(false), json!({"type": "string"})), NONE);
    let any_object = json!({"type": "object", "additionalProperties": true});
    assert_eq!(paths(any_object.clone(), object("a", json!(true), true)), NONE);
    let nothing_else = json!({"type": "object", "additionalProperties": false});
    assert_eq!(paths(any_object, nothing_else), NONE);
}

#[test]
fn what_only_describes_does_not_count() {
    let sent = json!({"type": "string", "title": "A", "format": "uuid", "examples": [1]});
    let taken = json!({"type": "string", "default": 1, "pattern": "^x$", "deprecated": true});
    assert_eq!(paths(sent, taken), NONE);
}

#[test]
fn members_are_compared_by_name() {
    let (text, integer) = (json!({"type": "string"}), json!({"type": "integer"}));
    let of = |found: Value, taken: Value| {
        let refused = refused(found, taken);
        refused.into_iter().map(|(path, problem)| format!("{path}: {problem}")).collect::<Vec<_>>()
    };
    assert_eq!(
        of(object("a", integer.clone(), true), object("a", text.clone(), true)),
        ["a: the plugin takes a string, and the client sends an integer"]
    );
    assert_eq!(
        of(object("b", integer.clone(), true), object("a", text.clone(), true)),
        ["a: the plugin demands it, and the client never sends it"]
    );
    assert_eq!(
        of(object("a", text.clone(), false), object("a", text.clone(), true)),
        ["a: the plugin demands it, and the client may leave it out"]
    );
    let mut exactly = object("a", text.clone(), false);
    exactly["additionalProperties"] = false.into();
    assert_eq!(
        of(object("b", integer.clone(), false), exactly),
        ["b: the client sends it, and the plugin doesn't take it"]
    );
    assert_eq!(
        paths(object("a", object("b", integer, true), true), object("a", text, true)),
        ["a"]
    );
}

#[test]
fn maps_are_compared_by_their_values() {
    let map = |schema: &str| json!({"type": "object", "additionalProperties": {"type": schema}});
    assert_eq!(paths(map("integer"), map("number")), NONE);
    assert_eq!(paths(map("integer"), map("string")), ["*"]);
    assert_eq!(paths(map("integer"), object("a", json!({"type": "string"}), true)), ["a", "a"]);
    assert_eq!(paths(object("a", json!({"type": "string"}), true), map("integer")), ["a"]);
    let nothing_else = json!({"type": "object", "additionalProperties": false});
    assert_eq!(paths(map("integer"), nothing_else), ["*"]);

    let keyed = |schema: &str| {
        json!({"type": "object", "additionalProperties": false,
        "patternProperties": {"^[0-9]$": {"type": schema}}})
    };
    assert_eq!(paths(keyed("integer"), keyed("string")), ["*"]);
    assert_eq!(paths(keyed("integer"), map("string")), ["*"]);
    // Which names they have can't be told.
    assert_eq!(paths(map("integer"), keyed("string")), NONE);
}

#[test]
fn elements_are_compared_by_place() {
    let list = |schema: &str| json!({"type": "array", "items": {"type": schema}});
    assert_eq!(paths(list("integer"), list("number")), NONE);
    assert_eq!(paths(list("integer"), list("string")), ["[]"]);
    let pair = |first: &str, second: &str| {
        json!({"type": "array", "prefixItems": [{"type": first}, {"type": second}],
            "minItems": 2, "maxItems": 2})
    };
    assert_eq!(paths(pair("string", "null"), pair("string", "integer")), ["[1]"]);
    assert_eq!(paths(pair("string", "null"), list("string")), ["[1]"]);
    assert_eq!(
        problem(json!({"type": "array"}), json!({"type": "array", "minItems": 2, "maxItems": 2})),
        "the plugin takes 2 elements, and the client sends any number"
    );
    assert_eq!(paths(pair("string", "null"), json!({"type": "array", "maxItems": 1})), ["."]);
}

#[test]
fn bounds_count_where_both_are_known() {
    let bounded = |low: i64, high: i64| json!({"type": "integer", "minimum": low, "maximum": high});
    assert_eq!(paths(bounded(0, 255), bounded(0, 65_535)), NONE);
    assert_eq!(
        problem(bounded(0, 65_535), bounded(0, 255)),
        "the plugin takes numbers up to 255, and the client sends up to 65535"
    );
    assert_eq!(paths(bounded(-128, 127), bounded(0, 127)), ["."]);
    assert_eq!(paths(json!({"type": "integer"}), bounded(0, 255)), NONE);
    assert_eq!(paths(json!({"const": 256}), bounded(0, 255)), ["."]);

    let below = |high: Value| json!({"type": "integer", "exclusiveMaximum": high});
    assert_eq!(paths(below(json!(256)), bounded(0, 255)), NONE);
    assert_eq!(paths(below(json!(257)), bounded(0, 255)), ["."]);
    assert_eq!(paths(bounded(0, 255), below(json!(255))), ["."]);
    assert_eq!(paths(bounded(0, 255), below(json!(256))), NONE);
    let unsigned = json!({"type": "integer", "maximum": u64::MAX});
    assert_eq!(paths(unsigned.clone(), below(json!(2_f64.powi(64)))), NONE);
    assert_eq!(paths(below(json!(2_f64.powi(128))), unsigned), ["."]);
}

#[test]
fn texts_have_a_length() {
    let character = json!({"type": "string", "minLength": 1, "maxLength": 1});
    assert_eq!(
        problem(json!({"type": "string"}), character.clone()),
        "the plugin takes 1 character, and the client sends any number"
    );
    assert_eq!(paths(json!({"const": "\u{e9}"}), character.clone()), NONE);
    assert_eq!(paths(json!({"const": "ab"}), character.clone()), ["."]);
    assert_eq!(paths(json!({"type": "string", "pattern": "^x$"}), character), NONE);
}

#[test]
fn a_function_has_both_directions() {
    let function = |name: &str, input: Option<Value>, output: Option<Value>| Function {
        input: input.map(|schema| schema.try_into().unwrap()),
        output: output.map(|schema| schema.try_into().unwrap()),
        ..Function::new(name)
    };
    let (text, integer) = (json!({"type": "string"}), json!({"type": "integer"}));
    let plugin = PluginInfo::new(
        "ada",
        "",
        1,
        vec![
            function("same", Some(text.clone()), None),
            function("other", Some(text.clone()), Some(integer.clone())),
            function("none", None, None),
            function("hidden", Some(json!(true)), Some(json!(true))),
        ],
    );
    let found = |wanted: Function| -> Vec<String> {
        mismatches(&plugin, &[wanted]).iter().map(ToString::to_string).collect()
    };
    assert_eq!(found(function("same", Some(text.clone()), None)), NONE);
    assert_eq!(found(function("hidden", None, Some(text.clone()))), NONE);
    assert_eq!(
        found(function("other", Some(integer), Some(text.clone()))),
        [
            "`other` of `ada`: input `.`: the plugin takes a string, and the client sends an integer",
            "`other` of `ada`: output `.`: the client takes a string, and the plugin sends an integer",
        ]
    );
    assert_eq!(
        found(function("none", Some(text.clone()), Some(text))),
        [
            "`none` of `ada`: input `.`: the plugin takes `null`, and the client sends a string",
            "`none` of `ada`: output `.`: the client takes a string, and the plugin sends `null`",
        ]
    );
    assert_eq!(
        found(function("gone", None, None)),
        ["`gone` of `ada`: there is no such method, but `same`, `other`, `none`, `hidden`"]
    );
}

#[test]
fn copies_of_schemas_are_paid_for() {
    let any = json!({"anyOf": vec![json!({"type": "string"}); 32]});
    let mut parts = vec![json!({"a": 1}); 4_000];
    parts.splice(0..0, [any.clone(), any]);
    let [sent, taken] =
        [json!({"allOf": parts}), json!({"type": "null"})].map(|it| Schema::try_from(it).unwrap());
    let budget = Budget::default();
    refusals(("plugin", Some(&sent)), ("client", Some(&taken)), OfGo::Neither, &budget);
    assert!(budget.spent() > 1_000_000 && budget.take(1).is_none());
}

#[test]
fn names_that_are_integers_are_told_from_others() {
    let of = |pattern: &str| {
        json!({
            "type": "object",
            "patternProperties": { pattern: {"type": "string"} },
            "additionalProperties": false,
        })
    };
    let (natural, all) = (of("^(0|[1-9][0-9]*)$"), of("^(0|-?[1-9][0-9]*)$"));
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    for (sent, taken, expected) in [
        (&texts, &natural, "integers from 0 on as names, and the client sends any"),
        (&texts, &all, "integers as names, and the client sends any"),
        (&all, &natural, "integers from 0 on as names, and the client sends integers as names"),
    ] {
        let found = refused(sent.clone(), taken.clone());
        assert_eq!(found, [("*".to_owned(), format!("the plugin takes {expected}"))]);
    }
    for (sent, taken) in [(&natural, &all), (&natural, &natural), (&all, &texts)] {
        assert_eq!(paths(sent.clone(), taken.clone()), NONE);
    }
    let foreign = of("^x");
    assert_eq!(paths(texts.clone(), foreign.clone()), NONE);
    assert_eq!(paths(foreign, natural.clone()), NONE);
    let numbers = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    assert_eq!(paths(numbers, natural.clone()), ["*", "*"]);
    for (name, are_taken) in
        [("0", [true, true]), ("-1", [false, true]), ("01", [false; 2]), ("-0", [false; 2])]
    {
        let sent = || object(name, json!({"type": "string"}), true);
        let found = [&natural, &all].map(|taken| paths(sent(), taken.clone()).is_empty());
        assert_eq!(found, are_taken, "{name}");
    }
}
