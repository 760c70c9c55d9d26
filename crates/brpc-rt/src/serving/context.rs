//! What a handler knows of the call that it answers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use brpc_core::Metadata;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::MetadataError;
use super::hook::AsyncHook;

/// What a handler knows of the call that it answers. A cheap clone.
#[derive(Clone, Debug)]
pub struct Context {
    /// Shared by the clones.
    call: Arc<Call>,
}

/// What came with a call.
#[derive(Debug)]
struct Call {
    /// The caller's trace id; empty if it gave none.
    trace: String,
    /// The caller's metadata.
    metadata: Metadata,
    /// When the call's time is over; `None` if it has no limit.
    deadline: Option<Instant>,
    /// The plugin's sender of events.
    hook: AsyncHook,
    /// Fires when nobody waits for the answer any more. Made when somebody wants to know: most
    /// handlers end before anybody could give the call up.
    cancelled: OnceLock<CancellationToken>,
    /// What goes along with the answer; made when somebody adds to it.
    along: OnceLock<Mutex<Metadata>>,
}

impl Context {
    pub(super) fn new(
        trace: String,
        metadata: Metadata,
        deadline: Option<Instant>,
        hook: AsyncHook,
    ) -> Self {
        let (cancelled, along) = (OnceLock::new(), OnceLock::new());
        Self { call: Arc::new(Call { trace, metadata, deadline, hook, cancelled, along }) }
    }

    /// Fires when nobody waits for the answer any more.
    pub(super) fn cancellation(&self) -> &CancellationToken {
        self.call.cancelled.get_or_init(CancellationToken::new)
    }

    /// The caller's trace id; empty if it gave none.
    pub fn trace(&self) -> &str {
        &self.call.trace
    }

    /// The caller's metadata: keys and values, in the order in which they were given.
    pub fn metadata(&self) -> &Metadata {
        &self.call.metadata
    }

    /// Sends a key and a value along with the answer, whether it is an output or the method's own
    /// error; the caller finds them in [`Response::metadata`](brpc_core::Response::metadata) or in
    /// [`MethodError::metadata`](brpc_core::MethodError::metadata).
    ///
    /// A caller doesn't get them with another failure: a panic, an output that doesn't encode, a
    /// refusal by a middleware. What is added after the answer was given is lost.
    ///
    /// # Errors
    /// If that would be more than 64 pairs, or more than 8 KiB of keys and values together; it is
    /// left out then, and what was added before stays.
    pub fn add_response_metadata(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), MetadataError> {
        let mut along = self.call.along.get_or_init(Mutex::default).lock();
        along.push(key, value);
        if along.is_sendable() {
            return Ok(());
        }
        along.pop();
        Err(MetadataError(()))
    }

    /// What goes along with the answer, which is given now.
    pub(super) fn take_response_metadata(&self) -> Metadata {
        let Some(along) = self.call.along.get() else { return Metadata::new() };
        std::mem::take(&mut *along.lock())
    }

    /// How much of the call's time is left; `None` if it has no limit, zero when it is over.
    pub fn remaining(&self) -> Option<Duration> {
        self.call.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether nobody waits for the answer any more: the caller gave up, the call's time is over,
    /// or the connection ended.
    pub fn is_cancelled(&self) -> bool {
        self.call.cancelled.get().is_some_and(CancellationToken::is_cancelled)
    }

    /// Returns when [`is_cancelled`](Self::is_cancelled) becomes true; at once if it is.
    ///
    /// Of use to handlers that are marked `no_cancel` or `blocking`, and to tasks that a handler
    /// spawned. Others are dropped at their next `await` anyway.
    ///
    /// # Cancel safety
    /// It can be dropped and called again at any time.
    pub async fn cancelled(&self) {
        self.cancellation().cancelled().await;
    }

    /// The plugin's sender of events.
    pub fn hook(&self) -> &AsyncHook {
        &self.call.hook
    }
}

/// The context of no call, for tests that run a method's row by hand.
pub fn context_of_no_call() -> Context {
    Context::new(String::new(), Metadata::new(), None, AsyncHook::default())
}
