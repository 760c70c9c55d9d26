//! A schema in its document.

use schemars::Schema;
use serde_json::{Map, Value};

use super::budget::{Budget, MAX_DEPTH, of_name};

/// A schema, and the document to which its references lead.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    document: &'a Schema,
    schema: &'a Value,
}

impl<'a> Node<'a> {
    /// The root of a document.
    pub(super) fn of(document: &'a Schema) -> Self {
        Self { document, schema: document.as_value() }
    }

    /// Another schema of the document.
    pub(super) fn at(self, schema: &'a Value) -> Self {
        Self { schema, ..self }
    }

    /// The target of a reference.
    pub(super) fn target(self, reference: &str, budget: &Budget) -> Option<Self> {
        budget.take(of_name(reference))?;
        Some(self.at(self.document.pointer(reference)?))
    }

    /// Its rules; `None` if it is `true` or `false`.
    pub(super) fn rules(self) -> Option<&'a Map<String, Value>> {
        self.schema.as_object()
    }

    pub(super) fn rule(self, name: &str) -> Option<&'a Value> {
        self.rules()?.get(name)
    }

    /// The members of a rule that is an object; none if there is no such rule.
    pub(super) fn members(self, rule: &str) -> impl Iterator<Item = (&'a str, Self)> {
        let members = self.rule(rule).and_then(Value::as_object).into_iter().flatten();
        members.map(move |(name, schema)| (name.as_str(), self.at(schema)))
    }

    /// The schemas of a rule that is a list; none if there is no such rule.
    pub(super) fn list(self, rule: &str) -> impl ExactSizeIterator<Item = Self> {
        let schemas = self.rule(rule).and_then(Value::as_array).map(Vec::as_slice);
        schemas.unwrap_or_default().iter().map(move |schema| self.at(schema))
    }

    /// A member of a rule that is an object.
    pub(super) fn member(self, rule: &str, name: &str) -> Option<Self> {
        Some(self.at(self.rule(rule)?.as_object()?.get(name)?))
    }

    /// How many schemas, members or names a rule has.
    pub(super) fn count(self, rule: &str) -> usize {
        match self.rule(rule) {
            Some(Value::Array(elements)) => elements.len(),
            Some(Value::Object(members)) => members.len(),
            _ => 0,
        }
    }

    /// The names that a rule lists.
    pub(super) fn names(self, rule: &str) -> impl Iterator<Item = &'a str> {
        let names = self.rule(rule).and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str)
    }

    /// Whether the schema allows anything.
    pub(super) fn is_anything(self) -> bool {
        *self.schema == true || self.rules().is_some_and(Map::is_empty)
    }

    pub(super) fn is_nothing(self) -> bool {
        *self.schema == false
    }

    /// Whether both are the same place in the same document.
    pub(super) fn is(self, other: Self) -> bool {
        std::ptr::eq(self.schema, other.schema)
    }

    /// Its target, if it is a reference without other relevant rules.
    pub(super) fn meant(self, budget: &Budget) -> Self {
        let mut meant = self;
        for _ in 0..MAX_DEPTH {
            let Some(reference) = meant.rule("$ref").and_then(Value::as_str) else { break };
            if budget.take(meant.rules().map_or(0, Map::len)).is_none() {
                break;
            }
            let mut rules = meant.rules().into_iter().flat_map(Map::keys);
            if !rules.all(|rule| rule.starts_with('$') || rule == "description") {
                break;
            }
            let Some(target) = self.target(reference, budget) else { break };
            meant = target;
        }
        meant
    }
}
