//! What a handler knows of the call that it answers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::AsyncHook;

/// What a handler knows of the call that it answers. A cheap clone.
#[derive(Clone, Debug)]
pub struct Context {
    /// Shared by the clones.
    call: Arc<Call>,
}

/// What came with a call.
#[derive(Debug)]
pub(crate) struct Call {
    /// The caller's trace id; empty if it gave none.
    pub(crate) trace: String,
    /// The caller's metadata, in the order given.
    pub(crate) metadata: Vec<(String, String)>,
    /// When the call's time is over; `None` if it has no limit.
    pub(crate) deadline: Option<Instant>,
    /// The plugin's sender of events.
    pub(crate) hook: AsyncHook,
    /// Fires when nobody waits for the answer any more. Made when somebody wants to know: most
    /// handlers end before anybody could give the call up.
    pub(crate) cancelled: OnceLock<CancellationToken>,
}

impl Context {
    pub(crate) fn new(call: Call) -> Self {
        Self { call: Arc::new(call) }
    }

    /// Fires when nobody waits for the answer any more.
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        self.call.cancelled.get_or_init(CancellationToken::new)
    }

    /// The caller's trace id; empty if it gave none.
    pub fn trace(&self) -> &str {
        &self.call.trace
    }

    /// The caller's metadata: keys and values, in the order in which they were given.
    pub fn metadata(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.call.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()))
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
