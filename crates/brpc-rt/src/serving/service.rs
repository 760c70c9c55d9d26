//! What a plugin serves, on each of its connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brpc_core::Dialect;

use super::hook::AsyncHook;
use super::incoming::Incoming;
use super::panic_text::PanicText;
use super::running::Left;
use crate::middleware::Chain;

/// What a plugin serves, and how: the same on each of its connections.
pub struct Service<R> {
    /// The object whose methods are called.
    pub receiver: Arc<R>,
    /// Sends its events.
    pub hook: AsyncHook,
    /// What calls pass before the method.
    pub middleware: Chain<Incoming>,
    /// How long a method may hold up its connection before a warning names it.
    pub patience: Option<Duration>,
    /// What its hubs get to know of a panic.
    pub panic_text: PanicText,
    /// How its hubs write their inputs.
    pub dialect: Dialect,
    /// What becomes of running handlers when their connection is lost.
    pub on_loss: OnLoss,
    /// Counts the handlers whose connections are over.
    pub left: Left,
}

/// What becomes of running handlers when their connection is lost. Nobody gets their outputs any
/// more.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum OnLoss {
    /// They are cancelled: an async handler is dropped at its next `await`, unless it is marked
    /// `no_cancel`.
    #[default]
    Cancel,
    /// They run to their end, and their outputs are discarded. Calls that were not started yet are
    /// not started any more.
    Finish,
}

impl<R> fmt::Debug for Service<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("on_loss", &self.on_loss).finish_non_exhaustive()
    }
}
