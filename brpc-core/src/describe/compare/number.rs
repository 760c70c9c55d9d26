//! The bounds of numbers.

use std::cmp::Ordering;

use serde_json::Value;

use super::form::{Form, What};
use super::node::Node;
use super::refusal::{Hint, Refusal};
use super::walk::Walk;

/// The least or the greatest of some numbers, or the first one beyond.
#[derive(Clone, Copy)]
struct Bound<'a> {
    number: &'a Value,
    is_exclusive: bool,
}

/// Which end of a range is meant.
#[derive(Clone, Copy)]
enum End {
    Low,
    High,
}

impl End {
    /// The rules that state it: as the last number, and as the first one beyond.
    fn rules(self) -> [&'static str; 2] {
        match self {
            Self::Low => ["minimum", "exclusiveMinimum"],
            Self::High => ["maximum", "exclusiveMaximum"],
        }
    }

    /// Whether a number is further out than another.
    fn is_beyond(self, one: &Value, other: &Value) -> bool {
        let beyond = match self {
            Self::Low => Ordering::Less,
            Self::High => Ordering::Greater,
        };
        order(one, other) == Some(beyond)
    }

    fn words(self, bound: Bound<'_>) -> String {
        let which = match (self, bound.is_exclusive) {
            (Self::Low, false) => "from",
            (Self::Low, true) => "above",
            (Self::High, false) => "up to",
            (Self::High, true) => "below",
        };
        format!("{which} {}", bound.number)
    }
}

impl<'a> Walk<'a> {
    /// The refusals of numbers out of bounds. A sender without bounds is trusted to know the
    /// receiver's.
    pub(super) fn of_number(
        &self,
        form: &Form<'a>,
        taken: Node<'a>,
        path: &str,
    ) -> impl Iterator<Item = Refusal> {
        let refused = move |end: End| {
            let sent = sent(form, end)?;
            let taken = stated(end, |rule| taken.rule(rule))
                .into_iter()
                .find(|taken| goes_beyond(sent, *taken, end))?;
            let is_value = matches!(form.what, What::Value(_));
            let sent = if is_value { sent.number.to_string() } else { end.words(sent) };
            let problem = self.problem(&format!("numbers {}", end.words(taken)), &sent);
            let hint = if is_value { Hint::OtherConstant } else { Hint::None };
            self.refusal(path, problem, is_value, hint)
        };
        [End::Low, End::High].into_iter().filter_map(refused).collect::<Vec<_>>().into_iter()
    }
}

/// The outermost number that a form allows, if it says so.
fn sent<'a>(form: &Form<'a>, end: End) -> Option<Bound<'a>> {
    if let What::Value(number) = form.what {
        return Some(Bound { number, is_exclusive: false });
    }
    let mut bounds = stated(end, |rule| form.number(rule)).into_iter();
    bounds.next().filter(|_| bounds.next().is_none())
}

fn stated<'a>(end: End, rule: impl Fn(&str) -> Option<&'a Value>) -> Vec<Bound<'a>> {
    let [inclusive, exclusive] = end.rules().map(rule);
    let last = inclusive.map(|number| Bound { number, is_exclusive: false });
    last.into_iter().chain(exclusive.map(|number| Bound { number, is_exclusive: true })).collect()
}

/// Whether the sent values go beyond the accepted ones.
fn goes_beyond(sent: Bound<'_>, taken: Bound<'_>, end: End) -> bool {
    let is_beyond = end.is_beyond(sent.number, taken.number);
    match (sent.is_exclusive, taken.is_exclusive) {
        (false, true) => is_beyond || order(sent.number, taken.number) == Some(Ordering::Equal),
        // The last sent integer may be one less.
        (true, false) => {
            let distance = sent.number.as_f64().zip(taken.number.as_f64());
            is_beyond && distance.is_some_and(|(sent, taken)| (sent - taken).abs() > 1.0)
        }
        _ => is_beyond,
    }
}

/// How two numbers compare: exactly, if both are integers.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

#[allow(clippy::cast_possible_truncation)] // It is whole, and there is room for it.
fn integer(number: &Value) -> Option<i128> {
    const ROOM: f64 = 1e38;
    let whole = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < ROOM);
    let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    exact.or_else(|| whole().map(|float| float as i128))
}
