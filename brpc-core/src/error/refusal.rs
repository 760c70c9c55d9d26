//! Why a hub refused a plugin.

use std::time::Duration;

use thiserror::Error;

/// A hub's refusal of a plugin. Its `Display` shows the message in one line, with escapes.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{}", super::Shown(message))]
#[non_exhaustive]
pub struct Refusal {
    /// The code, for programs.
    pub code: RefusalCode,
    /// The reason and what was expected instead, for people; at most 256 bytes.
    pub message: String,
    /// The minimum wait before the next attempt, if the hub says so.
    /// [`is_transient`](Self::is_transient) says whether another attempt makes sense.
    pub retry_after: Option<Duration>,
}

/// Why a hub refused a plugin, for programs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RefusalCode {
    /// The sides have no version of the protocol in common.
    Version,
    /// The plugin's name breaks the rule for names.
    BadName,
    /// The plugin's version text breaks its rule.
    BadVersion,
    /// The plugin describes more methods than the hub allows.
    TooManyMethods,
    /// The description breaks a rule: a method's name, a name used twice, a schema.
    BadDescription,
    /// Another plugin of that name is connected.
    NameTaken,
    /// The hub has reached its limit of plugins.
    Full,
    /// The hub is shutting down.
    ShuttingDown,
    /// The handshake missed its deadline.
    HandshakeTimeout,
    /// The plugin broke the protocol.
    Protocol,
    /// The plugin's labels break a rule: a key, a value, one used twice, too many.
    BadLabels,
    /// The hub accepts no plugins of this wire, or none from this source.
    Wire,
    /// The plugin was unplugged while it was away, or before it could be told: it stays away, for as
    /// long as the hub says.
    Unplugged,
    /// The hub lets in only plugins that authenticate themselves, and this one has shown nothing by
    /// which the hub could know it.
    AuthRequired,
    /// What the plugin has shown to authenticate itself is wrong.
    AuthFailed,
    /// The plugin is known, and may not have this name.
    NameNotAllowed,
    /// Too many attempts from this source have failed to authenticate themselves.
    TooManyAttempts,
    /// A code that this version doesn't know.
    Other(u16),
}

impl Refusal {
    /// The longest message, in bytes; it must fit beside the code into a frame that every version
    /// can read.
    pub const MAX_MESSAGE: usize = 256;

    /// A refusal without a time for another attempt.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        super::cut(&mut message, Self::MAX_MESSAGE);
        Self { code, message, retry_after: None }
    }

    /// Marks the refusal as temporary: another attempt may succeed after this wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Whether another attempt may succeed without a change to the plugin or the hub.
    pub fn is_transient(&self) -> bool {
        use RefusalCode::{
            AuthFailed, AuthRequired, BadDescription, BadLabels, BadName, BadVersion, Full,
            HandshakeTimeout, NameNotAllowed, NameTaken, Other, Protocol, ShuttingDown,
            TooManyAttempts, TooManyMethods, Unplugged, Version, Wire,
        };
        match self.code {
            NameTaken | Full | ShuttingDown | HandshakeTimeout | TooManyAttempts => true,
            Version | BadName | BadVersion | TooManyMethods | BadDescription | Protocol
            | BadLabels | Wire | AuthRequired | NameNotAllowed => false,
            // Of an unknown code, only the wait can be understood.
            Unplugged | AuthFailed | Other(_) => self.retry_after.is_some(),
        }
    }
}
