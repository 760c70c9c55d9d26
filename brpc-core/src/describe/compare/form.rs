//! Splits what a sender may send into forms of one kind each.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::budget::{Budget, MAX_DEPTH};
use super::node::Node;

/// One form of what is sent.
pub(super) struct Form<'a> {
    pub(super) what: What<'a>,
    /// Schemas that all apply.
    pub(super) nodes: Vec<Node<'a>>,
}

/// The kind of a form.
#[derive(Clone, Copy)]
pub(super) enum What<'a> {
    /// This value.
    Value(&'a Value),
    /// Values of a JSON type.
    Kind(&'a str),
    /// A value of unknown type.
    Anything,
}

/// The most forms of one value. An enum of more variants isn't compared.
const MAX_FORMS: usize = 1_024;

impl<'a> Form<'a> {
    /// The JSON type; of a number that is an integer, `integer`.
    pub(super) fn kind(&self) -> Option<&'a str> {
        match self.what {
            What::Value(value) => Some(kind_of(value)),
            What::Kind(kind) => Some(kind),
            What::Anything => None,
        }
    }

    /// Whether a rule is among its schemas.
    pub(super) fn has(&self, rule: &str) -> bool {
        self.rule(rule).next().is_some()
    }

    /// The values of a rule in its schemas.
    pub(super) fn rule(&self, rule: &str) -> impl Iterator<Item = &'a Value> {
        self.nodes.iter().filter_map(move |node| node.rule(rule))
    }

    /// The number of a rule, if only one of its schemas has it.
    pub(super) fn number(&self, rule: &str) -> Option<&'a Value> {
        let mut numbers = self.rule(rule);
        numbers.next().filter(|_| numbers.next().is_none())
    }

    /// The greatest number of a counting rule in its schemas.
    pub(super) fn at_least(&self, rule: &str) -> u64 {
        self.rule(rule).filter_map(Value::as_u64).max().unwrap_or(0)
    }

    /// The least number of a counting rule in its schemas.
    pub(super) fn at_most(&self, rule: &str) -> u64 {
        self.rule(rule).filter_map(Value::as_u64).min().unwrap_or(u64::MAX)
    }
}

/// The JSON type of a value.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The types that JSON Schema knows.
const KINDS: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// The types that a `type` rule lists; `None` if the budget is used up.
pub(super) fn kinds<'a>(rule: &'a Value, budget: &Budget) -> Option<BTreeSet<&'a str>> {
    let kinds = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
    budget.take(4 * kinds.len())?;
    let kinds = kinds.iter().filter_map(Value::as_str);
    Some(kinds.filter(|kind| KINDS.contains(kind)).collect())
}

/// Whether a type is among others; each integer is a number as well.
pub(super) fn is_among(kind: &str, kinds: &BTreeSet<&str>) -> bool {
    kinds.iter().any(|other| is_a(kind, other))
}

/// Whether all of a type are of another one.
pub(super) fn is_a(kind: &str, other: &str) -> bool {
    kind == other || (kind == "integer" && other == "number")
}

/// The forms that a schema allows; `None` if there are too many, or they can't be determined.
pub(super) fn forms<'a>(node: Node<'a>, budget: &Budget) -> Option<Vec<Form<'a>>> {
    let mut forms = Vec::new();
    for nodes in branches(node, budget, MAX_DEPTH)? {
        forms.extend(of_branch(&nodes, budget)?);
        within(&forms)?;
    }
    Some(forms)
}

/// The choices of a schema, each as schemas that all apply.
fn branches<'a>(node: Node<'a>, budget: &Budget, depth: usize) -> Option<Vec<Vec<Node<'a>>>> {
    budget.take(8 + node.rules().map_or(0, Map::len))?;
    let depth = depth.checked_sub(1)?;
    if node.is_nothing() {
        return Some(Vec::new());
    }
    let mut all = vec![vec![node]];
    for (rule, value) in node.rules().into_iter().flatten() {
        match (rule.as_str(), value) {
            ("$ref", Value::String(reference)) => {
                let target = node.target(reference, budget)?;
                all = product(&all, &branches(target, budget, depth)?, budget)?;
            }
            ("allOf", _) => {
                for part in node.list(rule) {
                    all = product(&all, &branches(part, budget, depth)?, budget)?;
                }
            }
            ("anyOf" | "oneOf", _) => {
                let mut choices = Vec::new();
                for choice in node.list(rule) {
                    choices.extend(branches(choice, budget, depth)?);
                    within(&choices)?;
                }
                all = product(&all, &choices, budget)?;
            }
            _ => {}
        }
    }
    Some(all)
}

/// Each of the ones with each of the others.
fn product<'a>(
    ones: &[Vec<Node<'a>>],
    others: &[Vec<Node<'a>>],
    budget: &Budget,
) -> Option<Vec<Vec<Node<'a>>>> {
    if ones.len() * others.len() > MAX_FORMS {
        return None;
    }
    // Each side's entries are copied as often as the other side is long.
    let copied = |these: &[Vec<_>], times: usize| -> usize {
        these.iter().map(|one| (2 + one.len()) * times).sum()
    };
    budget.take(copied(ones, others.len()) + copied(others, ones.len()))?;
    let pairs = ones.iter().flat_map(|one| others.iter().map(move |other| [&one[..], other]));
    Some(pairs.map(|pair| pair.concat()).collect())
}

fn within<T>(choices: &[T]) -> Option<()> {
    (choices.len() <= MAX_FORMS).then_some(())
}

/// The forms that these schemas allow together: their values, or else their types.
fn of_branch<'a>(nodes: &[Node<'a>], budget: &Budget) -> Option<Vec<Form<'a>>> {
    budget.take(4 * nodes.len())?;
    let mut types: Option<BTreeSet<&str>> = None;
    let mut values: Option<Vec<&Value>> = None;
    for node in nodes {
        if let Some(rule) = node.rule("type") {
            let kinds = kinds(rule, budget)?;
            let both = types.map(|types| common(&types, &kinds));
            types = Some(both.unwrap_or(kinds));
        }
        let listed = node.rule("enum").and_then(Value::as_array).map(Vec::as_slice);
        for listed in listed.into_iter().chain(node.rule("const").map(std::slice::from_ref)) {
            values = Some(match values {
                None => {
                    budget.take(listed.len())?;
                    listed.iter().collect()
                }
                Some(values) => {
                    let mut both = Vec::new();
                    for value in values {
                        both.extend(budget.contains(listed, value)?.then_some(value));
                    }
                    both
                }
            });
        }
    }
    let whats: Vec<_> = match (values, types) {
        (Some(mut values), types) => {
            values.retain(|value| types.as_ref().is_none_or(|it| is_among(kind_of(value), it)));
            values.into_iter().map(What::Value).collect()
        }
        (None, Some(types)) => types.into_iter().map(What::Kind).collect(),
        (None, None) => vec![What::Anything],
    };
    within(&whats)?;
    budget.take(whats.len() * (4 + nodes.len()))?;
    Some(whats.into_iter().map(|what| Form { what, nodes: nodes.to_vec() }).collect())
}

/// The types that are among both.
fn common<'a>(ones: &BTreeSet<&'a str>, others: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let within = |these: &BTreeSet<&'a str>, those: &BTreeSet<&'a str>| -> Vec<&'a str> {
        these.iter().copied().filter(|kind| is_among(kind, those)).collect()
    };
    within(ones, others).into_iter().chain(within(others, ones)).collect()
}
