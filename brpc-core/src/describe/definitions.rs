//! The definitions to which a schema refers.

use schemars::Schema;
use serde_json::{Map, Value};

/// Removes the definitions that nothing refers to.
pub(super) fn drop_unused(rules: &mut Map<String, Value>) {
    let Some(Value::Object(definitions)) = remove(rules, "$defs") else { return };
    let mut used = vec![false; definitions.len()];
    let document = Schema::from(Map::from_iter([("$defs".to_owned(), definitions.into())]));
    let definitions = || document.get("$defs").and_then(Value::as_object).into_iter().flatten();
    let mut targets = Vec::new();
    references(&rules.clone().into(), &mut targets);
    while let Some(target) = targets.pop() {
        let target = document.pointer(&target);
        for (index, (_, definition)) in definitions().enumerate() {
            let is_target = target.is_some_and(|target| std::ptr::eq(target, definition));
            if is_target && !used[index] {
                used[index] = true;
                references(definition, &mut targets);
            }
        }
    }
    let kept: Map<String, Value> = definitions()
        .zip(used)
        .filter(|(_, used)| *used)
        .map(|((name, definition), _)| (name.clone(), definition.clone()))
        .collect();
    if !kept.is_empty() {
        rules.insert("$defs".to_owned(), kept.into());
    }
}

/// Removes a rule. The others keep their order, if the program has `serde_json` keep one.
pub(super) fn remove(rules: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let removed = rules.get_mut(name).map(Value::take);
    rules.retain(|rule, _| rule != name);
    removed
}

/// Whether a schema refers to another.
pub(super) fn refer(schema: &Value) -> bool {
    let mut targets = Vec::new();
    references(schema, &mut targets);
    !targets.is_empty()
}

/// Collects what a schema refers to.
fn references(schema: &Value, targets: &mut Vec<String>) {
    match schema {
        Value::Object(rules) => {
            for (rule, value) in rules {
                match value {
                    Value::String(target) if rule == "$ref" => targets.push(target.clone()),
                    value => references(value, targets),
                }
            }
        }
        Value::Array(schemas) => schemas.iter().for_each(|schema| references(schema, targets)),
        _ => {}
    }
}
