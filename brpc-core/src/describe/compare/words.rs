//! The words for what is sent and accepted.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::budget::Budget;
use super::form::{self, Form, What};
use super::node::Node;

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
    either(values.iter().take(SHOWN + 1).map(value).collect())
}

/// What is sent.
pub(super) fn form(form: &Form<'_>) -> String {
    let Some(of_kind) = form.kind() else { return "anything".to_owned() };
    if let What::Value(sent) = form.what {
        return value(sent);
    }
    let members = form.nodes.iter().flat_map(|node| node.members("properties"));
    let names: Vec<_> =
        members.take(SHOWN + 1).map(|(name, schema)| member(name, schema)).collect();
    if of_kind == "object" && !names.is_empty() {
        return format!("an object with {}", listed(names, " and "));
    }
    kind(of_kind)
}

/// One of several schemas, by their types.
pub(super) fn choices(node: Node<'_>, rule: &str, budget: &Budget) -> String {
    let forms = node.list(rule).flat_map(|choice| form::forms(choice, budget).unwrap_or_default());
    let mut all: Vec<String> = Vec::new();
    for one in forms {
        if all.len() > SHOWN || budget.take(WORDS + one.nodes.len()).is_none() {
            break;
        }
        let word = form(&one);
        if !all.contains(&word) {
            all.push(word);
        }
    }
    either(all)
}

/// So many of something that is counted.
pub(super) fn counted(least: u64, most: u64, of: &str) -> String {
    let is_one = matches!((least, most), (0 | 1, 1) | (1, u64::MAX));
    let end = if is_one { "" } else { "s" };
    format!("{} {of}{end}", range(least, most))
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
        Some(only) => format!("`{}`: {}", cut(name, MAX_NAME), value(only)),
        None => format!("`{}`", cut(name, MAX_NAME)),
    }
}

/// A value. An array or object may be of any size, so only its type is named.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", Value::from(cut(text, MAX_NAME))),
        Value::Array(_) | Value::Object(_) => kind(form::kind_of(value)),
        value => format!("`{value}`"),
    }
}

/// The longest name or value in a text, and the longest list of what is accepted or sent, in bytes.
pub(super) const MAX_NAME: usize = 64;
pub(super) const MAX_SIDE: usize = 100;

/// The work of naming a form.
pub(super) const WORDS: usize = 32;

/// A text cut to so many bytes, with a sign that there was more.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text.into();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}..", &text[..end]).into()
}

fn either(all: Vec<String>) -> String {
    listed(all, " or ")
}

/// The most items that are named one by one.
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
