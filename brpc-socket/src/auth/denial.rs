//! Why an authenticator doesn't let a plugin in.

use std::fmt;
use std::time::Duration;

use brpc_core::{Refusal, RefusalCode};

/// Why an authenticator doesn't let a plugin in. The reason is for the hub's audit log only: whatever
/// it says, all plugins that are denied for the same kind of reason read the same text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    kind: Kind,
    reason: String,
    retry_after: Option<Duration>,
    /// Whether a credential was wrong: too many of those slow a source down.
    is_failure: bool,
}

/// Sorted by what an answer of several authenticators is made of: the last one counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    NotOffered,
    Refused,
    Unavailable,
}

impl Denial {
    /// It saw no credential of its kind. The plugin is refused as
    /// [`AuthRequired`](RefusalCode::AuthRequired).
    pub fn not_offered(reason: impl Into<String>) -> Self {
        Self::new(Kind::NotOffered, reason)
    }

    /// It saw one, and that is wrong. The plugin is refused as [`AuthFailed`](RefusalCode::AuthFailed),
    /// and a source that fails so is slowed down.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::new(Kind::Refused, reason)
    }

    /// It can't tell at the moment. The plugin is refused as [`AuthFailed`](RefusalCode::AuthFailed),
    /// and told to retry after a second, or as [`retry_after`](Self::retry_after) says.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self { retry_after: Some(crate::hub::SOON), ..Self::new(Kind::Unavailable, reason) }
    }

    /// When another attempt may succeed. Default: never, or after a second if it is
    /// [`unavailable`](Self::unavailable).
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The reason, for the audit log.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    fn new(kind: Kind, reason: impl Into<String>) -> Self {
        let (reason, is_failure) = (reason.into(), kind == Kind::Refused);
        Self { kind, reason, retry_after: None, is_failure }
    }

    /// Whether a credential was wrong.
    pub(crate) fn is_failure(&self) -> bool {
        self.is_failure
    }

    /// What two authenticators say together, of which neither lets the plugin in.
    pub(crate) fn or(self, other: Self) -> Self {
        let is_failure = self.is_failure || other.is_failure;
        let counts = if other.kind > self.kind { other } else { self };
        Self { is_failure, ..counts }
    }

    /// What the plugin is told.
    pub(crate) fn refusal(&self) -> Refusal {
        let (code, message) = match self.kind {
            Kind::NotOffered => (
                RefusalCode::AuthRequired,
                "this hub lets in only who says who it is, as by a token, a secret or a client \
                 certificate",
            ),
            Kind::Refused => (RefusalCode::AuthFailed, "the credentials are not valid here"),
            Kind::Unavailable => {
                (RefusalCode::AuthFailed, "the hub can't check credentials at the moment")
            }
        };
        let refusal = Refusal::new(code, message);
        match self.retry_after {
            Some(wait) => refusal.retry_after(wait),
            None => refusal,
        }
    }
}

/// Its reason.
impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_counts() {
        let (not_offered, refused) = (Denial::not_offered("a"), Denial::refused("b"));
        let unavailable = Denial::unavailable("c");
        assert_eq!(not_offered.clone().or(refused.clone()), refused);
        assert_eq!(refused.clone().or(not_offered.clone()), refused);
        assert_eq!(not_offered.or(unavailable.clone()), unavailable);
        let both = refused.or(unavailable.clone());
        assert_eq!(both.refusal(), unavailable.refusal());
        assert!(both.is_failure() && !unavailable.is_failure(), "the guess counts");
    }

    #[test]
    fn the_reason_is_not_told() {
        let told = |denial: Denial| denial.refusal().message;
        assert_eq!(told(Denial::refused("a")), told(Denial::refused("bc")));
        assert_eq!(told(Denial::not_offered("a")), told(Denial::not_offered("bc")));
    }
}
