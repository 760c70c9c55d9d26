//! What a comparison may take.

use std::cell::Cell;

use serde_json::Value;

/// The work that the comparison of one plugin may take, in all its methods together. A plugin's
/// schemas can lead anywhere; what is not looked at in the end counts as equal.
///
/// A unit is one rule that is looked up, one schema that is copied or one short value that is
/// compared: some nanoseconds. So each loop over what a plugin sent takes its length before it
/// begins, or a part of that at each turn.
pub(super) struct Budget {
    left: Cell<usize>,
}

/// Many times as much as schemas of the largest size need that only nest, and some tens of
/// milliseconds.
const MAX_WORK: usize = 2_000_000;

/// The most schemas in each other that are looked at. They nest 32 deep without references.
pub(super) const MAX_DEPTH: usize = 64;

impl Default for Budget {
    fn default() -> Self {
        Self { left: Cell::new(MAX_WORK) }
    }
}

impl Budget {
    /// Takes some of it; `None`, from then on, if there isn't as much left.
    pub(super) fn take(&self, work: usize) -> Option<()> {
        let left = self.left.get().checked_sub(work);
        self.left.set(left.unwrap_or(0));
        left.map(drop)
    }

    /// Whether a value is among others; `None` if there is nothing left to find out.
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

/// The work that a name makes which is looked up, sorted or written.
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
