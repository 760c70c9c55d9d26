//! A schema in its document.

use std::cell::Cell;

use schemars::Schema;
use serde_json::{Map, Value};

/// A schema, and the document to which its references lead.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    document: &'a Schema,
    schema: &'a Value,
}

impl<'a> Node<'a> {
    /// The whole of a document.
    pub(super) fn of(document: &'a Schema) -> Self {
        Self { document, schema: document.as_value() }
    }

    /// Another schema of the document.
    pub(super) fn at(self, schema: &'a Value) -> Self {
        Self { schema, ..self }
    }

    /// What a reference leads to.
    pub(super) fn target(self, reference: &str) -> Option<Self> {
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
    pub(super) fn list(self, rule: &str) -> impl Iterator<Item = Self> {
        let schemas = self.rule(rule).and_then(Value::as_array).into_iter().flatten();
        schemas.map(move |schema| self.at(schema))
    }

    /// The names that a rule lists.
    pub(super) fn names(self, rule: &str) -> impl Iterator<Item = &'a str> {
        let names = self.rule(rule).and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str)
    }

    /// Whether nothing is said: anything is allowed.
    pub(super) fn is_anything(self) -> bool {
        *self.schema == true || self.rules().is_some_and(Map::is_empty)
    }

    pub(super) fn is_nothing(self) -> bool {
        *self.schema == false
    }

    /// Whether both are the same place of the same document.
    pub(super) fn is(self, other: Self) -> bool {
        std::ptr::eq(self.schema, other.schema)
    }

    /// What it stands for, if it is a reference and nothing else that counts.
    pub(super) fn meant(self) -> Self {
        let mut meant = self;
        for _ in 0..MAX_DEPTH {
            let target = meant.rule("$ref").and_then(Value::as_str).and_then(|it| self.target(it));
            let mut rules = meant.rules().into_iter().flat_map(Map::keys);
            let is_plain = rules.all(|rule| rule.starts_with('$') || rule == "description");
            let Some(target) = target.filter(|_| is_plain) else { break };
            meant = target;
        }
        meant
    }
}

/// What a comparison may take. A plugin's schemas can lead anywhere; what is not looked at in the
/// end counts as equal.
pub(super) struct Budget {
    steps: Cell<usize>,
}

/// Some times as many as two schemas of the largest size need that only nest; at the most some tens
/// of milliseconds.
const MAX_STEPS: usize = 20_000;

/// The most schemas in each other that are looked at. They nest 32 deep without references.
pub(super) const MAX_DEPTH: usize = 64;

impl Default for Budget {
    fn default() -> Self {
        Self { steps: Cell::new(MAX_STEPS) }
    }
}

impl Budget {
    /// Takes a step, if there is one left.
    pub(super) fn step(&self) -> Option<()> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        Some(())
    }
}
