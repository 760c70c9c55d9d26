//! Waits for a plugin that a broadcast may call.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc_core::Selector;
use brpc_rt::BoxFuture;
use tokio::time::Instant;

use crate::hub::Hub;
use crate::wait::wait_for_matching;

/// Waits for a plugin that a broadcast may call, from its first poll on.
pub(super) struct Coming {
    /// For how long.
    longest: Duration,
    /// Since when it waits.
    begun: Option<(Instant, BoxFuture<()>)>,
}

impl Coming {
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, begun: None }
    }

    /// Waits for one that the selector matches, not beyond the timeout; returns how long it took.
    /// Without one, there is nobody to call.
    pub(super) fn poll(
        &mut self,
        hub: &Arc<Hub>,
        selector: &Selector,
        timeout: Option<Duration>,
        context: &mut Context<'_>,
    ) -> Poll<Duration> {
        let limit = timeout.map_or(self.longest, |timeout| timeout.min(self.longest));
        let (begin, coming) = self.begun.get_or_insert_with(|| {
            let (hub, selector) = (hub.clone(), selector.clone());
            let coming = async move {
                let _ = wait_for_matching(&hub, &selector, 1, limit).await;
            };
            (Instant::now(), Box::pin(coming))
        });
        ready!(coming.as_mut().poll(context));
        Poll::Ready(begin.elapsed())
    }
}
