//! Why a hub did not let a plugin in.

use std::time::Duration;

use thiserror::Error;

/// A hub's answer to a plugin that it did not let in.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{message}")]
#[non_exhaustive]
pub struct Refusal {
    /// Why, for programs.
    pub code: RefusalCode,
    /// Why and what was expected instead, for people; at most 256 bytes.
    pub message: String,
    /// How long to wait at least before the next attempt, if the hub says so. Whether one makes
    /// sense is in [`is_transient`](Self::is_transient).
    pub retry_after: Option<Duration>,
}

/// Why a hub did not let a plugin in, for programs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RefusalCode {
    /// No version of the protocol is spoken by both.
    Version,
    /// The plugin's name breaks the rule for names.
    BadName,
    /// The plugin's version text breaks its rule.
    BadVersion,
    /// The plugin describes more methods than the hub takes.
    TooManyMethods,
    /// The description breaks a rule: a method's name, a name used twice, a schema.
    BadDescription,
    /// Another plugin of that name is connected.
    NameTaken,
    /// The hub has as many plugins as it takes.
    Full,
    /// The hub is shutting down.
    ShuttingDown,
    /// The handshake took too long.
    HandshakeTimeout,
    /// The plugin broke the protocol.
    Protocol,
    /// The plugin's labels break a rule: a key, a value, one used twice, too many.
    BadLabels,
    /// The hub takes no plugins of this wire here.
    Wire,
    /// A code that this version doesn't know.
    Other(u16),
}

impl Refusal {
    /// The longest message, in bytes; it must fit beside the code into a frame that every version
    /// can read.
    pub const MAX_MESSAGE: usize = 256;

    /// A refusal that says nothing of another attempt.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        super::cut(&mut message, Self::MAX_MESSAGE);
        Self { code, message, retry_after: None }
    }

    /// The same for the time being: another attempt may succeed after this wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Whether another attempt may succeed without a change to the plugin or the hub.
    pub fn is_transient(&self) -> bool {
        use RefusalCode::{
            BadDescription, BadLabels, BadName, BadVersion, Full, HandshakeTimeout, NameTaken,
            Other, Protocol, ShuttingDown, TooManyMethods, Version, Wire,
        };
        match self.code {
            NameTaken | Full | ShuttingDown | HandshakeTimeout => true,
            Version | BadName | BadVersion | TooManyMethods | BadDescription | Protocol
            | BadLabels | Wire => false,
            // Of a code to come, the wait is all that can be understood.
            Other(_) => self.retry_after.is_some(),
        }
    }
}
