//! Counts: the characters of strings, and the elements of arrays.

use serde_json::Value;

use super::budget::of_name;
use super::form::{Form, What};
use super::node::Node;
use super::refusal::{Hint, Refusal};
use super::walk::Walk;
use super::words;

impl<'a> Walk<'a> {
    /// The refusals of strings with too few or too many characters.
    pub(super) fn of_text(&self, form: &Form<'a>, taken: Node<'a>, path: &str) -> Option<Refusal> {
        if form.has("pattern") || form.has("format") {
            return None;
        }
        let sent = match form.what {
            What::Value(Value::String(text)) => {
                self.budget.take(of_name(text))?;
                let length = text.chars().count() as u64;
                (length, length)
            }
            _ => (form.at_least("minLength"), form.at_most("maxLength")),
        };
        self.of_count(sent, taken, ["minLength", "maxLength"], "character", path)
    }

    /// The refusals of a count that is too low or too high.
    pub(super) fn of_count(
        &self,
        (least, most): (u64, u64),
        taken: Node<'a>,
        rules: [&str; 2],
        what: &str,
        path: &str,
    ) -> Option<Refusal> {
        let [low, high] = rules.map(|rule| taken.rule(rule).and_then(Value::as_u64));
        let (low, high) = (low.unwrap_or(0), high.unwrap_or(u64::MAX));
        if least >= low && most <= high {
            return None;
        }
        let (taken, sent) = (words::counted(low, high, what), words::range(least, most));
        let problem = self.problem(&taken, &sent);
        let is_of_all = most < low || least > high;
        let hint = if is_of_all { Hint::OtherShape } else { Hint::None };
        self.refusal(path, problem, is_of_all, hint)
    }
}
