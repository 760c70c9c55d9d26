//! A call's way through the middleware: it ends when its time is over or when it is cancelled,
//! whatever the middleware does.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use brpc_core::{CallError, Stage};
use tokio::time::{Instant, sleep_until};

use super::{AnyMiddleware, BoxOutcome, Next, Outcome, Outgoing};
use crate::call::Call;
use crate::hub::Hub;
use crate::running::Running;
use crate::slot::Slot;

/// What one call shares with all that it goes through.
pub(super) struct Passage {
    hub: Arc<Hub>,
    /// When its time is over; `None` if it has no limit.
    deadline: Option<Instant>,
    /// Whether room for its input is taken by somebody else.
    is_charged: bool,
    /// How often it was made, and how often it has come back.
    made: AtomicUsize,
    back: AtomicUsize,
}

impl Passage {
    /// The middleware at this place.
    pub(super) fn step(&self, place: usize) -> Option<Arc<dyn AnyMiddleware>> {
        self.hub.config().middleware.get(place).cloned()
    }

    /// Makes the call.
    pub(super) async fn make(&self, mut call: Outgoing) -> Outcome {
        let left = self.deadline.map(|deadline| deadline.duration_since(Instant::now()));
        call.timeout = [call.timeout, left].into_iter().flatten().min();
        let running = Running::pass(&self.hub, call, self.is_charged)?;
        self.made.fetch_add(1, Ordering::Relaxed);
        let _back = Back(&self.back);
        Call::running(running).await
    }

    /// Whether somebody made the call and has not got its outcome.
    fn is_under_way(&self) -> bool {
        self.back.load(Ordering::Relaxed) < self.made.load(Ordering::Relaxed)
    }

    /// How far the call may have come.
    fn stage(&self) -> Stage {
        if self.made.load(Ordering::Relaxed) == 0 { Stage::Queued } else { Stage::Sent }
    }
}

/// Counts when it is dropped.
struct Back<'a>(&'a AtomicUsize);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes a call through the middleware of its hub. A slot is that of a cancel handle.
pub(crate) fn through(
    hub: Arc<Hub>,
    call: Outgoing,
    slot: Option<Arc<Slot>>,
    is_charged: bool,
) -> BoxOutcome {
    Box::pin(async move {
        let deadline = call.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let (made, back) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let passage = Arc::new(Passage { hub, deadline, is_charged, made, back });
        let mut chain = pin!(Next { passage: passage.clone(), passed: 0 }.run(call));
        let mut time = pin!(deadline.map(sleep_until));
        let mut is_late = false;
        poll_fn(|context| {
            if slot.as_ref().is_some_and(|slot| slot.poll_cancelled(context).is_ready()) {
                return Poll::Ready(Err(CallError::Cancelled { stage: passage.stage() }));
            }
            if let Poll::Ready(outcome) = chain.as_mut().poll(context) {
                return Poll::Ready(outcome);
            }
            let time = time.as_mut().as_pin_mut().filter(|_| !is_late);
            is_late |= time.is_some_and(|time| time.poll(context).is_ready());
            // A call that is under way is due as well, and its connection knows how far it has come.
            if is_late && !passage.is_under_way() {
                return Poll::Ready(Err(CallError::DeadlineExceeded { stage: passage.stage() }));
            }
            Poll::Pending
        })
        .await
    })
}
