//! The budget of a comparison.

use std::cell::Cell;

use serde_json::Value;

/// The work that the comparison of one plugin may take, for all its methods together. A plugin's
/// schemas can lead anywhere; what the budget doesn't cover counts as equal.
///
/// A unit is one rule looked up, one schema copied or one short value compared: some nanoseconds.
/// So each loop over what a plugin sent spends its length before it begins, or a part of it at each
/// turn.
pub(super) struct Budget {
    left: Cell<usize>,
}

/// Many times what the largest schemas without references need, and some tens of milliseconds.
const MAX_WORK: usize = 2_000_000;

/// The deepest nesting of schemas that is compared. They nest 32 deep without references.
pub(super) const MAX_DEPTH: usize = 64;

impl Default for Budget {
    fn default() -> Self {
        Self { left: Cell::new(MAX_WORK) }
    }
}

impl Budget {
    /// Spends some of it; `None`, from then on, if too little is left.
    pub(super) fn take(&self, work: usize) -> Option<()> {
        let left = self.left.get().checked_sub(work);
        self.left.set(left.unwrap_or(0));
        left.map(drop)
    }

    /// Whether a value is among others; `None` if the budget is used up.
    pub(super) fn contains(&self, values: &[Value], value: &Value) -> Option<bool> {
        let work = of_value(value);
        self.take(work)?;
        for other in values {
            self.take(work)?;
            if other == value {
                return Some(true);
            }
        }
        Some(false)
    }

    #[cfg(test)]
    pub(super) fn spent(&self) -> usize {
        MAX_WORK - self.left.get()
    }
}

/// The work of looking up, sorting or writing a name.
pub(super) fn of_name(name: &str) -> usize {
    4 + name.len() / 16
}

/// The work of comparing a value with another one.
fn of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len() / 16,
        Value::Array(elements) => 1 + elements.iter().map(of_value).sum::<usize>(),
        Value::Object(members) => {
            let of_member = |(name, member): (&String, &Value)| of_name(name) + of_value(member);
            1 + members.iter().map(of_member).sum::<usize>()
        }
        _ => 1,
    }
}
