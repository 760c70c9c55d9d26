//! What a plugin of the Go package describes.

use serde_json::{Value, json};

use super::*;

/// The paths of what isn't taken, and whether that is certain, of a plugin of the Go package.
fn of_go(sent: Value, taken: Value, side: OfGo) -> Vec<(String, bool)> {
    let [sent, taken] = [sent, taken].map(|schema| Schema::try_from(schema).unwrap());
    let found = refusals(("x", Some(&sent)), ("y", Some(&taken)), side, &Budget::default());
    let mut found: Vec<_> =
        found.into_iter().map(|refusal| (refusal.path, refusal.is_certain)).collect();
    // Of the forms of one value.
    found.dedup();
    found
}

/// A list as Go describes it.
fn list(items: impl Into<Value>) -> Value {
    json!({ "type": ["array", "null"], "items": items.into() })
}

#[test]
fn a_list_of_a_go_plugin_may_be_none() {
    let (text, integer) = (json!({"type": "string"}), json!({"type": "integer"}));
    let point = || object("x", json!({"type": "number"}), true);
    let line = |of: Value| json!({"type": "array", "items": of});
    for side in [OfGo::Sender, OfGo::Taker] {
        let compare = |client: Value, plugin: Value| match side {
            OfGo::Taker => of_go(client, plugin, side),
            _ => of_go(plugin, client, side),
        };
        let at = |path: &str, is_certain| vec![(path.to_owned(), is_certain)];
        assert_eq!(compare(line(point()), list(point())), []);
        assert_eq!(compare(point(), list(point())), at(".", false));
        assert_eq!(compare(point(), list(list(point()))), at(".", false));
        assert_eq!(compare(line(point()), list(list(point()))), at("[]", false));
        // Never more lists than it says, and never another element.
        assert_eq!(compare(line(point()), point()), at(".", true));
        assert_eq!(compare(text.clone(), list(integer.clone())), at(".", true));
        assert_eq!(compare(line(text.clone()), list(integer.clone())), at("[]", true));
        assert_eq!(compare(text.clone(), list(true)), at(".", false));
        let field = |of: Value| object("a", of, true);
        assert_eq!(compare(field(point()), field(list(point()))), at("a", false));
    }
    assert!(of_go(point(), list(point()), OfGo::Neither).iter().all(|(_, certain)| *certain));
}

/// What a client decodes, a plugin may send.
#[test]
fn lists_maps_and_bytes_of_a_go_plugin_are_taken_as_it_sends_them() {
    let sent = |sent: Value, taken: Value| of_go(sent, taken, OfGo::Sender);
    let text = json!({"type": "string"});
    let byte = || json!({"type": "integer", "minimum": 0, "maximum": 255});
    let line = |of: Value| json!({"type": "array", "items": of});
    assert_eq!(sent(list(text.clone()), line(text.clone())), []);
    let map = |kind: Value| json!({"type": kind, "additionalProperties": {"type": "string"}});
    assert_eq!(sent(map(json!(["object", "null"])), map(json!("object"))), []);
    let maybe = json!({"type": ["object", "null"], "properties": {"a": true}, "required": ["a"]});
    assert_eq!(sent(maybe, object("a", true, true)), [(".".to_owned(), true)], "no map");
    let record = object("a", text.clone(), false);
    assert_eq!(sent(map(json!(["object", "null"])), record), [(".".to_owned(), true)], "no map");

    let uint8 = json!({"type": "integer", "format": "uint8"});
    let bytes = || json!({"type": ["string", "array", "null"], "items": uint8});
    assert_eq!(sent(bytes(), line(byte())), []);
    assert_eq!(of_go(line(byte()), bytes(), OfGo::Taker), []);
    let maybe = json!({"type": ["string", "null"]});
    assert_eq!(sent(bytes(), maybe), [], "who wants the text gets it");
    assert_eq!(sent(bytes(), json!({"type": "boolean"})), [(".".to_owned(), true)]);
    // How long it is, and whether it may be nil, isn't told.
    let pair = json!({"type": "array", "items": byte(), "minItems": 2, "maxItems": 2});
    assert_eq!(sent(bytes(), pair.clone()), [(".".to_owned(), false)]);
    assert_eq!(sent(list(byte()), pair.clone()), [(".".to_owned(), false)]);
    let [whole, element] = [(".".to_owned(), false), ("[]".to_owned(), true)];
    assert_eq!(sent(list(text), pair), [whole.clone(), element, whole]);
}
