//! The error of a call: which call, and why it has no output.

use std::fmt;

use super::{CallErrorKind, Execution, MethodError, Shown};

/// Why a call ended without an output, and which call that was.
///
/// Every call ends in exactly one outcome: its output or one of these.
/// [`execution`](Self::execution) says whether the handler may have run, which a caller needs to
/// know before it retries. [`kind`](Self::kind) says what happened.
///
/// Its `Display` is complete: it has no `source()`. It begins with the names of the plugin and the
/// method, as in `builder.build: the deadline passed with the call not yet sent`, and shows texts of
/// others in one line, with escapes. An error that was made by hand, from its kind, shows only that;
/// a hub adds the names when it returns the error.
#[derive(Clone, PartialEq)]
pub struct CallError(Box<Inner>);

/// Boxed, because it is rare and every outcome of a call has space for it.
#[derive(Clone, PartialEq)]
struct Inner {
    kind: CallErrorKind,
    /// The names of the plugin and the method.
    names: Option<(String, String)>,
    /// The generation of the connection, and the call's number on it.
    made: Option<(u64, u64)>,
    /// Whether the plugin declares the method as idempotent.
    is_idempotent: bool,
}

impl CallError {
    /// What happened.
    pub fn kind(&self) -> &CallErrorKind {
        &self.0.kind
    }

    /// What happened, without the call.
    pub fn into_kind(self) -> CallErrorKind {
        self.0.kind
    }

    /// The name of the plugin that was called; `None` if the error was made by hand.
    pub fn plugin(&self) -> Option<&str> {
        self.0.names.as_ref().map(|(plugin, _)| plugin.as_str())
    }

    /// The name of the method that was called; `None` if the error was made by hand.
    pub fn method(&self) -> Option<&str> {
        self.0.names.as_ref().map(|(_, method)| method.as_str())
    }

    /// The generation of the connection that the call was made on; `None` if it was refused before.
    pub fn generation(&self) -> Option<u64> {
        self.0.made.map(|(generation, _)| generation)
    }

    /// The number of the call on its connection, which is its id on the wire; `None` if it was
    /// refused before it got one.
    pub fn id(&self) -> Option<u64> {
        self.0.made.map(|(_, id)| id)
    }

    /// The same error, of a call of this method of this plugin. Unchanged if it has names already.
    #[must_use]
    pub fn named(mut self, plugin: &str, method: &str) -> Self {
        self.0.names.get_or_insert_with(|| (plugin.to_owned(), method.to_owned()));
        self
    }

    /// The same error, of the call with this number on the connection with this generation.
    /// Unchanged if it has these already.
    #[must_use]
    pub fn made_on(mut self, generation: u64, id: u64) -> Self {
        self.0.made.get_or_insert((generation, id));
        self
    }

    /// The same error, of a method that its plugin declares as idempotent.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.0.is_idempotent = true;
        self
    }

    /// Whether the call can be made again without harm: the handler never ran; or that is unknown,
    /// and the plugin declares the method as idempotent (`#[brpc(idempotent)]`), so that running it
    /// twice has the same effect as running it once. It doesn't say whether that would help.
    pub fn may_repeat(&self) -> bool {
        match self.execution() {
            Execution::Never => true,
            Execution::Unknown => self.0.is_idempotent,
            Execution::Completed => false,
        }
    }

    /// Whether the handler ran. [`Execution::Never`] is a proof: a retry of such a call can't run
    /// the handler twice.
    pub fn execution(&self) -> Execution {
        self.kind().execution()
    }

    /// Whether the deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind(), CallErrorKind::DeadlineExceeded { .. })
    }

    /// Whether there was no such plugin, or the plugin had no such method.
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind(), CallErrorKind::NoPlugin { .. } | CallErrorKind::MethodNotFound { .. })
    }

    /// Whether the connection ended.
    pub fn is_disconnected(&self) -> bool {
        matches!(self.kind(), CallErrorKind::Disconnected { .. })
    }

    /// The method's own error, if the call ended in one.
    pub fn method_error(&self) -> Option<&MethodError> {
        match self.kind() {
            CallErrorKind::Method(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CallErrorKind> for CallError {
    fn from(kind: CallErrorKind) -> Self {
        Self(Box::new(Inner { kind, names: None, made: None, is_idempotent: false }))
    }
}

impl PartialEq<CallErrorKind> for CallError {
    fn eq(&self, kind: &CallErrorKind) -> bool {
        self.kind() == kind
    }
}

impl PartialEq<CallError> for CallErrorKind {
    fn eq(&self, error: &CallError) -> bool {
        error == self
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((plugin, method)) = &self.0.names {
            write!(f, "{}.{}: ", Shown(plugin), Shown(method))?;
        }
        self.kind().fmt(f)
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("plugin", &self.plugin())
            .field("method", &self.method())
            .field("generation", &self.generation())
            .field("id", &self.id())
            .field("kind", self.kind())
            .finish()
    }
}

impl std::error::Error for CallError {}

#[cfg(test)]
mod tests {
    use super::super::Stage;
    use super::*;

    const LATE: CallErrorKind = CallErrorKind::DeadlineExceeded { stage: Stage::Sent };

    #[test]
    fn an_error_shows_its_call_first_if_it_has_one() {
        let error = CallError::from(LATE);
        assert_eq!(error.to_string(), "the deadline passed with the call sent but not answered");
        assert_eq!((error.plugin(), error.method(), error.id()), (None, None, None));
        let error = error.named("builder", "build").made_on(3, 7);
        let text = "builder.build: the deadline passed with the call sent but not answered";
        assert_eq!(error.to_string(), text);
        assert_eq!((error.plugin(), error.method()), (Some("builder"), Some("build")));
        assert_eq!((error.generation(), error.id()), (Some(3), Some(7)));
        assert_eq!(
            CallError::from(LATE).named("a\n", "\u{1b}b").to_string()[..13],
            *r"a\n.\u{1b}b: "
        );
    }

    /// The one who was closest to the call has named it.
    #[test]
    fn the_first_names_count() {
        let error = CallError::from(LATE).named("builder", "build").made_on(3, 7);
        let again = error.clone().named("gateway", "forward").made_on(4, 8);
        assert_eq!(again, error);
        assert_ne!(error, CallError::from(LATE));
        assert_eq!(error, LATE);
        assert_eq!(LATE, error);
    }
}
