//! Objects: their members, by name and by any other.

use std::collections::{BTreeMap, BTreeSet};

use super::form::{Form, What};
use super::node::Node;
use super::refusal::{Hint, Refusal, member, of_part};
use super::walk::Walk;

/// The members of what is sent.
struct Members<'a> {
    /// By name, with their schema; `None` if several schemas speak of it.
    named: BTreeMap<&'a str, Option<Node<'a>>>,
    /// Those that are always sent.
    required: BTreeSet<&'a str>,
    /// What others are, if there are any and they aren't just anything.
    others: Option<Node<'a>>,
    /// What those are whose name has a pattern, by the pattern.
    patterns: Vec<(&'a str, Node<'a>)>,
    /// Whether members may be there that aren't known.
    is_open: bool,
}

impl<'a> Members<'a> {
    fn of(form: &Form<'a>) -> Self {
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
        Self {
            is_open: !are_known && (!others.is_empty() || (named.is_empty() && !is_closed)),
            others: others.first().copied().filter(|_| are_known),
            named,
            required: nodes().flat_map(|node| node.names("required")).collect(),
            patterns: nodes().flat_map(|node| node.members("patternProperties")).collect(),
        }
    }
}

impl<'a> Walk<'a> {
    /// What isn't taken of an object.
    pub(super) fn of_object(
        &mut self,
        form: &Form<'a>,
        taken: Node<'a>,
        path: &str,
    ) -> Vec<Refusal> {
        if matches!(form.what, What::Value(_)) {
            return Vec::new();
        }
        let sent = Members::of(form);
        let mut found = self.of_missing(&sent, taken, path);
        let has_patterns = taken.rule("patternProperties").is_some();
        let properties: BTreeMap<_, _> = taken.members("properties").collect();
        let rest = taken.rule("additionalProperties").map(|rest| taken.at(rest));
        let rest = rest.filter(|_| !has_patterns);

        for (name, schema) in &sent.named {
            let Some(schema) = schema.filter(|schema| !schema.is_nothing()) else { continue };
            let Some(to) = properties.get(name).copied().or(rest) else { continue };
            let (path, is_sent) = (member(path, name), sent.required.contains(name));
            if to.is_nothing() {
                let problem =
                    format!("the {} sends it, and the {} doesn't take it", self.sender, self.taker);
                found.push(of_member(path, problem, is_sent));
            } else {
                found.extend(of_part(self.compare(schema, to, &path), is_sent));
            }
        }
        if let Some(others) = sent.others {
            for (name, to) in properties.iter().filter(|(name, _)| !sent.named.contains_key(*name))
            {
                found.extend(of_part(self.compare(others, *to, &member(path, name)), false));
            }
            let refusals = rest.map(|rest| self.compare(others, rest, &member(path, "*")));
            found.extend(of_part(refusals.unwrap_or_default(), false));
        }
        for (pattern, schema) in sent.patterns {
            let same = taken.members("patternProperties").find(|(other, _)| *other == pattern);
            let to = same.map(|(_, to)| to).or(rest.filter(|rest| !rest.is_nothing()));
            let refusals = to.map(|to| self.compare(schema, to, &member(path, "*")));
            found.extend(of_part(refusals.unwrap_or_default(), false));
        }
        found
    }

    /// The members that are mandatory, and not always sent.
    fn of_missing(&self, sent: &Members<'a>, taken: Node<'a>, path: &str) -> Vec<Refusal> {
        let missing = taken.names("required").filter(|name| !sent.required.contains(name));
        let refusal = |name| {
            let may_be_sent = sent.named.contains_key(name) || !sent.patterns.is_empty();
            let is_never_sent = !may_be_sent && sent.others.is_none();
            if is_never_sent && sent.is_open {
                return None;
            }
            let how = if is_never_sent { "never sends it" } else { "may leave it out" };
            let problem = format!("the {} demands it, and the {} {how}", self.taker, self.sender);
            Some(of_member(member(path, name), problem, is_never_sent))
        };
        missing.filter_map(refusal).collect()
    }
}

/// A member that shouldn't be there, or should. Where that is always so, another form was meant.
fn of_member(path: String, problem: String, is_of_all: bool) -> Refusal {
    let hint = if is_of_all { Hint::OtherShape } else { Hint::None };
    Refusal { path, problem, is_of_all, hint }
}
