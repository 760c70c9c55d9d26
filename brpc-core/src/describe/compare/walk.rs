//! The walk through both schemas.

use serde_json::{Map, Value};

use super::budget::{Budget, MAX_DEPTH};
use super::form::{Form, What, forms, is_a, is_among, kind_of, kinds};
use super::node::Node;
use super::refusal::{Hint, Refusal, are_certain, are_of_all, uncertain};
use super::words;

/// Whether a `null` that the sender's schema allows counts.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Nulls {
    Count,
    /// It doesn't: the sender leaves the member out instead.
    AreLeftOut,
}

/// Which side's schema is that of a plugin of the Go package.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OfGo {
    Neither,
    Sender,
    Taker,
}

/// The JSON type of a sent form, if it is known, and its refusals.
pub(super) type OfForm<'a> = (Option<&'a str>, Vec<Refusal>);

/// A walk through the sender's schema and the receiver's.
pub(super) struct Walk<'a> {
    pub(super) sender: &'static str,
    pub(super) taker: &'static str,
    pub(super) budget: &'a Budget,
    /// Whose schema and JSON leave more open.
    pub(super) of_go: OfGo,
    /// The pairs under comparison: a type that contains itself leads back to one of them.
    open: Vec<(Node<'a>, Node<'a>, Nulls)>,
    /// How many of the receiver's schemas the walk is in.
    depth: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        sender: &'static str,
        taker: &'static str,
        of_go: OfGo,
        budget: &'a Budget,
    ) -> Self {
        Self { sender, taker, budget, of_go, open: Vec::new(), depth: 0 }
    }

    /// The refusals of what is sent.
    pub(super) fn refusals(mut self, sent: Node<'a>, taken: Node<'a>) -> Vec<Refusal> {
        self.compare(sent, taken, ".")
    }

    pub(super) fn compare(&mut self, sent: Node<'a>, taken: Node<'a>, path: &str) -> Vec<Refusal> {
        self.compare_with(Nulls::Count, sent, taken, path)
    }

    pub(super) fn compare_with(
        &mut self,
        nulls: Nulls,
        sent: Node<'a>,
        taken: Node<'a>,
        path: &str,
    ) -> Vec<Refusal> {
        let (sent, taken) = (sent.meant(self.budget), taken.meant(self.budget));
        let is_open = |&(one, other, how): &(Node<'a>, Node<'a>, Nulls)| {
            one.is(sent) && other.is(taken) && how == nulls
        };
        if self.budget.take(8 + self.open.len()).is_none() || self.open.iter().any(is_open) {
            return Vec::new();
        }
        let mut forms = forms(sent, self.budget).unwrap_or_default();
        let is_null = |form: &Form<'_>| form.kind() == Some("null");
        if nulls == Nulls::AreLeftOut && !forms.iter().all(is_null) {
            forms.retain(|form| !is_null(form));
        }
        self.open.push((sent, taken, nulls));
        let of_form = |form| (Form::kind(form), self.of_form(form, taken, path));
        let mut each: Vec<OfForm<'_>> = forms.iter().map(of_form).collect();
        self.open.pop();
        self.forgive(&mut each, sent, taken);
        // A value in another form may be accepted.
        let is_of_all = each.iter().all(|(_, refusals)| are_of_all(refusals));
        let all = each.into_iter().flat_map(|(_, refusals)| refusals);
        let all = all.map(|one| Refusal { is_of_all: one.is_of_all && is_of_all, ..one });
        self.doubt(all.collect(), nulls, (sent, taken), path)
    }

    /// The refusals of a form by a schema.
    fn of_form(&mut self, form: &Form<'a>, taken: Node<'a>, path: &str) -> Vec<Refusal> {
        // Some rules are looked up in each of its schemas.
        let work = 8 + 8 * form.nodes.len() + taken.rules().map_or(0, Map::len);
        if self.depth == MAX_DEPTH || self.budget.take(work).is_none() {
            return Vec::new();
        }
        self.depth += 1;
        let refusals = self.by_rules(form, taken, path);
        self.depth -= 1;
        refusals
    }

    fn by_rules(&mut self, form: &Form<'a>, taken: Node<'a>, path: &str) -> Vec<Refusal> {
        let Some(kind) = form.kind() else { return Vec::new() };
        if taken.is_nothing() {
            return self.other_kind(form, "nothing", path).into_iter().collect();
        }
        if let Some(rule) = taken.rule("type") {
            let Some(kinds) = kinds(rule, self.budget) else { return Vec::new() };
            if !is_among(kind, &kinds) {
                let refusal = self.other_kind(form, &words::kinds(&kinds), path);
                // A number may be an integer.
                let is_of_all = !(kind == "number" && kinds.contains("integer"));
                return refusal.into_iter().map(|one| Refusal { is_of_all, ..one }).collect();
            }
        }
        let mut found = Vec::new();
        for (rule, value) in taken.rules().into_iter().flatten() {
            match (rule.as_str(), value) {
                ("$ref", Value::String(reference)) => {
                    let target = taken.target(reference, self.budget).into_iter();
                    found.extend(target.flat_map(|target| self.of_form(form, target, path)));
                }
                ("allOf", _) => {
                    let parts = taken.list(rule);
                    found.extend(parts.flat_map(|part| self.of_form(form, part, path)));
                }
                ("anyOf" | "oneOf", _) => found.extend(self.of_choices(form, taken, rule, path)),
                ("const", only) => {
                    found.extend(self.of_values(form, std::slice::from_ref(only), path));
                }
                ("enum", Value::Array(values)) => found.extend(self.of_values(form, values, path)),
                _ => {}
            }
        }
        match kind {
            "integer" | "number" => found.extend(self.of_number(form, taken, path)),
            "string" => found.extend(self.of_text(form, taken, path)),
            "array" => found.extend(self.of_array(form, taken, path)),
            "object" => found.extend(self.of_object(form, taken, path)),
            _ => {}
        }
        found
    }

    /// The refusals of a form by several alternative schemas.
    fn of_choices(
        &mut self,
        form: &Form<'a>,
        taken: Node<'a>,
        rule: &str,
        path: &str,
    ) -> Vec<Refusal> {
        let (mut of_all, mut of_some) = (Vec::new(), Vec::new());
        for choice in taken.list(rule) {
            let refusals = self.of_form(form, choice, path);
            if refusals.is_empty() {
                return refusals;
            }
            if are_of_all(&refusals) { of_all.push(refusals) } else { of_some.push(refusals) }
        }
        let is_certain = of_all.iter().chain(&of_some).all(|refusals| are_certain(refusals));
        let found = match (of_some.pop(), of_some.is_empty()) {
            // No other schema accepts what this one refuses.
            (Some(refusals), true) => refusals,
            // Together they may accept everything.
            (Some(_), false) => Vec::new(),
            (None, _) => self.of_the_meant(form, of_all, taken, rule, path),
        };
        if is_certain { found } else { uncertain(found) }
    }

    /// The refusal to report if no choice accepts anything: that of the choice that the sender
    /// meant, if that is clear.
    fn of_the_meant(
        &self,
        form: &Form<'a>,
        mut choices: Vec<Vec<Refusal>>,
        taken: Node<'a>,
        rule: &str,
        path: &str,
    ) -> Vec<Refusal> {
        choices.retain(|choice| choice.iter().all(|refusal| refusal.hint == Hint::None));
        if let (Some(meant), true) = (choices.pop(), choices.is_empty()) {
            return meant;
        }
        let taken = words::choices(taken, rule, self.budget);
        self.other_kind(form, &taken, path).into_iter().collect()
    }

    /// The refusals of values that aren't among some others.
    fn of_values(&self, form: &Form<'a>, values: &[Value], path: &str) -> Option<Refusal> {
        let kind = form.kind()?;
        self.budget.take(values.len())?;
        let of_kind = || values.iter().filter(|value| is_a(kind_of(value), kind));
        let (is_refused, is_of_all) = match form.what {
            What::Value(value) => (!self.budget.contains(values, value)?, true),
            _ if of_kind().next().is_none() => (true, true),
            // There are two, or one, and as many others as are sent.
            What::Kind("boolean") => (of_kind().count() < 2, false),
            What::Kind("integer" | "number") => (true, false),
            What::Kind("string") => (!form.has("pattern") && !form.has("format"), false),
            What::Kind(_) | What::Anything => (false, false),
        };
        if !is_refused {
            return None;
        }
        let refusal = self.other_kind(form, &words::values(values), path)?;
        let hint = if is_of_all { Hint::OtherConstant } else { Hint::None };
        Some(Refusal { is_of_all, hint, ..refusal })
    }

    fn other_kind(&self, form: &Form<'a>, taken: &str, path: &str) -> Option<Refusal> {
        self.budget.take(words::WORDS)?;
        self.refusal(path, self.problem(taken, &words::form(form)), true, Hint::OtherShape)
    }

    /// A refusal, unless the budget is used up: then it isn't certain.
    pub(super) fn refusal(
        &self,
        path: &str,
        problem: String,
        is_of_all: bool,
        hint: Hint,
    ) -> Option<Refusal> {
        self.budget.take(words::WORDS + path.len() / 4)?;
        Some(Refusal { path: path.to_owned(), problem, is_of_all, hint, is_certain: true })
    }

    pub(super) fn problem(&self, taken: &str, sent: &str) -> String {
        let [taken, sent] = [taken, sent].map(|side| words::cut(side, words::MAX_SIDE));
        format!("the {} takes {taken}, and the {} sends {sent}", self.taker, self.sender)
    }
}
