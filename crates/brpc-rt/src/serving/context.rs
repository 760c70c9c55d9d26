//! What a handler knows of the call that it answers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use brpc_core::{Dialect, Metadata};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::MetadataError;
use super::hook::AsyncHook;
use crate::foreign::shielded;

/// What a handler knows of the call that it answers. A cheap clone.
#[derive(Clone, Debug)]
pub struct Context {
    /// Shared by the clones.
    call: Arc<Call>,
}

/// What the clones of a context share.
#[derive(Debug)]
struct Call {
    /// The caller's trace id; empty if it gave none.
    trace: String,
    /// The caller's metadata.
    metadata: Metadata,
    /// The call's deadline; `None` if it has none.
    deadline: Option<Instant>,
    /// The plugin's sender of events.
    hook: AsyncHook,
    /// How the input is written.
    dialect: Dialect,
    /// Fires when the call is cancelled. Created on first use: most handlers end before anybody
    /// could cancel the call.
    cancelled: OnceLock<CancellationToken>,
    /// The metadata of the answer. Created when a handler first adds to it.
    along: OnceLock<Mutex<Metadata>>,
}

impl Context {
    pub(super) fn new(
        trace: String,
        metadata: Metadata,
        deadline: Option<Instant>,
        hook: AsyncHook,
        dialect: Dialect,
    ) -> Self {
        let (cancelled, along) = (OnceLock::new(), OnceLock::new());
        Self { call: Arc::new(Call { trace, metadata, deadline, hook, dialect, cancelled, along }) }
    }

    /// Has it fire with this token; called first, since the token can't be replaced.
    pub(super) fn cancel_with(&self, token: CancellationToken) {
        let _ = self.call.cancelled.set(token);
    }

    /// Fires when the call is cancelled.
    pub(super) fn cancellation(&self) -> &CancellationToken {
        self.call.cancelled.get_or_init(CancellationToken::new)
    }

    /// The call's deadline; `None` if it has none.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.call.deadline
    }

    /// The caller's trace id; empty if it gave none.
    pub fn trace(&self) -> &str {
        &self.call.trace
    }

    /// The caller's metadata: keys and values, in the order in which they were given.
    pub fn metadata(&self) -> &Metadata {
        &self.call.metadata
    }

    /// Adds a key and a value to the metadata of the answer, whether it is an output or the
    /// method's own error. The caller finds them in
    /// [`Response::metadata`](brpc_core::Response::metadata) or in
    /// [`MethodError::metadata`](brpc_core::MethodError::metadata).
    ///
    /// Any other failure reaches the caller without metadata: a panic, an output that doesn't
    /// encode, a refusal by a middleware. What is added after the call was answered is lost.
    ///
    /// # Errors
    /// If the metadata would exceed 64 pairs, or 8 KiB of keys and values together. The pair is
    /// left out then, and earlier ones stay.
    pub fn add_response_metadata(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), MetadataError> {
        // The user's code, before the lock.
        let (key, value) = (key.into(), value.into());
        let mut along = self.call.along.get_or_init(Mutex::default).lock();
        along.push(key, value);
        if along.is_sendable() {
            return Ok(());
        }
        along.pop();
        Err(MetadataError(()))
    }

    /// Takes the metadata of the answer, which is about to be sent.
    pub(super) fn take_response_metadata(&self) -> Metadata {
        let Some(along) = self.call.along.get() else { return Metadata::new() };
        std::mem::take(&mut *along.lock())
    }

    /// The time left until the call's deadline; `None` if it has none, zero when it has passed.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the call is cancelled: the caller cancelled it, its deadline passed, or the
    /// connection ended.
    pub fn is_cancelled(&self) -> bool {
        self.call.cancelled.get().is_some_and(CancellationToken::is_cancelled)
    }

    /// Returns when [`is_cancelled`](Self::is_cancelled) becomes true; at once if it is.
    ///
    /// Handlers that are marked `no_cancel` or `blocking` can use it, and tasks that a handler
    /// spawned. Other handlers are dropped at their next `await` anyway.
    ///
    /// # Cancel safety
    /// It can be dropped and called again at any time.
    pub async fn cancelled(&self) {
        shielded(self.cancellation().cancelled()).await;
    }

    /// How the call's input is written.
    #[doc(hidden)]
    pub fn dialect(&self) -> Dialect {
        self.call.dialect
    }

    /// The plugin's sender of events.
    pub fn hook(&self) -> &AsyncHook {
        &self.call.hook
    }
}

/// A context without a call, for tests that run a row of a method table by hand.
pub fn context_of_no_call() -> Context {
    Context::new(String::new(), Metadata::new(), None, AsyncHook::default(), Dialect::Serde)
}
