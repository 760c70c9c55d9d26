//! Names of members that are integers, as those of a map with such keys.

use super::node::Node;

/// Which integers.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Integers {
    All,
    /// From 0 on.
    Natural,
}

impl Integers {
    /// Those that a pattern allows; `None` if it is another pattern.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        match pattern {
            r"^(0|-?[1-9][0-9]*)$" | r"^-?\d+$" => Some(Self::All),
            r"^(0|[1-9][0-9]*)$" | r"^\d+$" => Some(Self::Natural),
            _ => None,
        }
    }

    /// Those that are the only names which a schema takes, and the schema of their members.
    pub(super) fn alone(taken: Node<'_>) -> Option<(Self, Node<'_>)> {
        let is_closed = taken.rule("additionalProperties").is_some_and(|rest| *rest == false);
        let mut patterns = taken.members("patternProperties").filter(|_| is_closed);
        let (pattern, schema) = patterns.next()?;
        let integers = Self::of(pattern)?;
        patterns.next().is_none().then_some((integers, schema))
    }

    pub(super) fn contain(self, name: &str) -> bool {
        let digits = match (self, name.strip_prefix('-')) {
            (Self::All, Some("0")) => return false,
            (Self::All, Some(digits)) => digits,
            _ => name,
        };
        let is_short = digits == "0" || !digits.starts_with('0');
        !digits.is_empty() && is_short && digits.bytes().all(|byte| byte.is_ascii_digit())
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::All => "integers as names",
            Self::Natural => "integers from 0 on as names",
        }
    }
}
