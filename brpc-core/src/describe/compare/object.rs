//! Objects: their members, by name and by any other.

use std::collections::{BTreeMap, BTreeSet};

use super::budget::{Budget, of_name};
use super::form::{Form, What};
use super::names::Integers;
use super::node::Node;
use super::refusal::{Hint, Refusal, member, of_part};
use super::walk::{Nulls, Walk};

/// The members of a sent object.
struct Members<'a> {
    /// By name, with their schema; `None` if several schemas describe it.
    named: BTreeMap<&'a str, Option<Node<'a>>>,
    /// The members that are always sent.
    required: BTreeSet<&'a str>,
    /// The schema of other members, if there are any and they have a schema.
    others: Option<Node<'a>>,
    /// The schemas of members whose name matches a pattern, by the pattern.
    patterns: Vec<(&'a str, Node<'a>)>,
    /// Whether there may be unknown members.
    is_open: bool,
}

impl<'a> Members<'a> {
    /// `None` if the budget is used up.
    fn of(form: &Form<'a>, budget: &Budget) -> Option<Self> {
        for node in &form.nodes {
            take_names(*node, budget)?;
            budget.take(8 + node.count("patternProperties"))?;
        }
        let mut named = BTreeMap::new();
        for (name, schema) in form.nodes.iter().flat_map(|node| node.members("properties")) {
            named.entry(name).and_modify(|known| *known = None).or_insert(Some(schema));
        }
        let nodes = || form.nodes.iter();
        let others: Vec<_> = nodes()
            .filter_map(|node| Some(node.at(node.rule("additionalProperties")?)))
            .filter(|others| !others.is_nothing())
            .collect();
        let are_known = matches!(&others[..], [one] if !one.is_anything())
            && !form.has("propertyNames")
            && !form.has("patternProperties");
        let is_closed = nodes()
            .any(|node| node.rule("additionalProperties").is_some_and(|others| *others == false));
        Some(Self {
            is_open: !are_known && (!others.is_empty() || (named.is_empty() && !is_closed)),
            others: others.first().copied().filter(|_| are_known),
            named,
            required: nodes().flat_map(|node| node.names("required")).collect(),
            patterns: nodes().flat_map(|node| node.members("patternProperties")).collect(),
        })
    }
}

impl<'a> Walk<'a> {
    /// The refusals of an object.
    pub(super) fn of_object(
        &mut self,
        form: &Form<'a>,
        taken: Node<'a>,
        path: &str,
    ) -> Vec<Refusal> {
        if matches!(form.what, What::Value(_)) {
            return Vec::new();
        }
        let Some(sent) = Members::of(form, self.budget) else { return Vec::new() };
        let mut found = self.of_missing(&sent, taken, path);
        let has_patterns = taken.rule("patternProperties").is_some();
        let rest = taken.rule("additionalProperties").map(|rest| taken.at(rest));
        let rest = rest.filter(|_| !has_patterns);
        let by_integer = Integers::alone(taken);

        for (name, schema) in &sent.named {
            let Some(schema) = schema.filter(|schema| !schema.is_nothing()) else { continue };
            if self.budget.take(of_name(name) + path.len() / 16).is_none() {
                break;
            }
            let of_pattern = by_integer.filter(|(integers, _)| integers.contain(name));
            let of_pattern = of_pattern.map(|(_, schema)| schema);
            let to = taken.member("properties", name).or(rest).or(of_pattern);
            let is_refused = match to {
                Some(to) => to.is_nothing(),
                None => by_integer.is_some(),
            };
            let (path, is_sent) = (member(path, name), sent.required.contains(name));
            if is_refused {
                let problem =
                    format!("the {} sends it, and the {} doesn't take it", self.sender, self.taker);
                found.extend(self.of_member(&path, problem, is_sent));
            } else if let Some(to) = to {
                let nulls = if is_sent { Nulls::Count } else { Nulls::AreLeftOut };
                found.extend(of_part(self.compare_with(nulls, schema, to, &path), is_sent));
            }
        }
        if let Some(others) = sent.others {
            for (name, to) in taken.members("properties") {
                if self.budget.take(of_name(name) + path.len() / 16).is_none() {
                    break;
                }
                if !sent.named.contains_key(name) {
                    found.extend(of_part(self.compare(others, to, &member(path, name)), false));
                }
            }
            let refusals = rest.map(|rest| self.compare(others, rest, &member(path, "*")));
            found.extend(of_part(refusals.unwrap_or_default(), false));
            found.extend(self.of_names(None, others, by_integer, &member(path, "*")));
        }
        for (pattern, schema) in sent.patterns {
            if self.budget.take(of_name(pattern)).is_none() {
                break;
            }
            let same = taken.member("patternProperties", pattern);
            let to = same.or(rest.filter(|rest| !rest.is_nothing()));
            let path = member(path, "*");
            if let Some(to) = to {
                found.extend(of_part(self.compare(schema, to, &path), false));
            } else if let Some(integers) = Integers::of(pattern) {
                found.extend(self.of_names(Some(integers), schema, by_integer, &path));
            }
        }
        found
    }

    /// The refusals of members whose names are integers, or any texts, where only integers are
    /// accepted as names.
    fn of_names(
        &mut self,
        sent: Option<Integers>,
        schema: Node<'a>,
        taken: Option<(Integers, Node<'a>)>,
        path: &str,
    ) -> Vec<Refusal> {
        let Some((integers, to)) = taken else { return Vec::new() };
        let mut found: Vec<_> = of_part(self.compare(schema, to, path), false).collect();
        if sent != Some(integers) && sent != Some(Integers::Natural) {
            let sent = sent.map_or("any", Integers::words);
            let problem = self.problem(integers.words(), sent);
            found.extend(self.refusal(path, problem, false, Hint::None));
        }
        found
    }

    /// The members that are mandatory, and not always sent.
    fn of_missing(&self, sent: &Members<'a>, taken: Node<'a>, path: &str) -> Vec<Refusal> {
        let mut found = Vec::new();
        for name in taken.names("required") {
            if self.budget.take(of_name(name)).is_none() {
                break;
            }
            if sent.required.contains(name) {
                continue;
            }
            let may_be_sent = sent.named.contains_key(name) || !sent.patterns.is_empty();
            let is_never_sent = !may_be_sent && sent.others.is_none();
            if is_never_sent && sent.is_open {
                continue;
            }
            let how = if is_never_sent { "never sends it" } else { "may leave it out" };
            let problem = format!("the {} demands it, and the {} {how}", self.taker, self.sender);
            found.extend(self.of_member(&member(path, name), problem, is_never_sent));
        }
        found
    }

    /// The refusal of an unexpected or missing member. If it is always unexpected or missing, the
    /// sender meant another form.
    fn of_member(&self, path: &str, problem: String, is_of_all: bool) -> Option<Refusal> {
        let hint = if is_of_all { Hint::OtherShape } else { Hint::None };
        self.refusal(path, problem, is_of_all, hint)
    }
}

/// Spends the cost of reading the names of a schema's members.
fn take_names(node: Node<'_>, budget: &Budget) -> Option<()> {
    for (name, _) in node.members("properties") {
        budget.take(of_name(name))?;
    }
    for name in node.names("required") {
        budget.take(of_name(name))?;
    }
    budget.take(node.count("required"))
}
