//! The words for what is sent and taken.

use std::collections::BTreeSet;

use serde_json::Value;

use super::form::{self, Form, What};
use super::node::{Budget, Node};

/// A JSON type.
fn kind(kind: &str) -> String {
    match kind {
        "null" => "`null`".to_owned(),
        "array" | "integer" | "object" => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}

/// One of several JSON types.
pub(super) fn kinds(kinds: &BTreeSet<&str>) -> String {
    either(kinds.iter().map(|one| kind(one)).collect())
}

/// One of several values.
pub(super) fn values(values: &[Value]) -> String {
    either(values.iter().map(value).collect())
}

/// What is sent.
pub(super) fn form(form: &Form<'_>) -> String {
    let Some(of_kind) = form.kind() else { return "anything".to_owned() };
    if let What::Value(sent) = form.what {
        return value(sent);
    }
    let members = form.nodes.iter().flat_map(|node| node.members("properties"));
    let names: Vec<_> = members.map(|(name, schema)| member(name, schema)).collect();
    if of_kind == "object" && !names.is_empty() {
        return format!("an object with {}", listed(names, " and "));
    }
    kind(of_kind)
}

/// One of several schemas, by their types.
pub(super) fn choices(node: Node<'_>, rule: &str, budget: &Budget) -> String {
    let forms = node.list(rule).flat_map(|choice| form::forms(choice, budget).unwrap_or_default());
    let mut all: Vec<String> = Vec::new();
    for word in forms.map(|one| form(&one)) {
        if !all.contains(&word) {
            all.push(word);
        }
    }
    either(all)
}

/// From so many to so many.
pub(super) fn range(least: u64, most: u64) -> String {
    match (least, most) {
        (least, most) if least == most => least.to_string(),
        (0, u64::MAX) => "any number".to_owned(),
        (0, most) => format!("at most {most}"),
        (least, u64::MAX) => format!("at least {least}"),
        (least, most) => format!("{least} to {most}"),
    }
}

/// A member, with its value if that is always the same.
fn member(name: &str, schema: Node<'_>) -> String {
    match schema.rule("const") {
        Some(only) => format!("`{name}`: {}", value(only)),
        None => format!("`{name}`"),
    }
}

fn value(value: &Value) -> String {
    format!("`{value}`")
}

fn either(all: Vec<String>) -> String {
    listed(all, " or ")
}

/// The most things that are named one by one.
const SHOWN: usize = 8;

fn listed(mut all: Vec<String>, last: &str) -> String {
    if all.len() > SHOWN {
        all.truncate(SHOWN);
        return format!("{}, ..", all.join(", "));
    }
    match all.pop() {
        Some(only) if all.is_empty() => only,
        Some(end) => format!("{}{last}{end}", all.join(", ")),
        None => "nothing".to_owned(),
    }
}
