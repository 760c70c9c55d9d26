//! Wakes a driver for the next timeout of its connection.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Instant;

use tokio::task::unconstrained;
use tokio::time::Sleep;

/// Wakes a driver for the next timeout of its connection.
#[derive(Debug)]
pub(crate) struct Timer {
    /// The driver's waker.
    waker: Waker,
    /// The runtime's timer, once there was a timeout.
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it fires. Kept here as well, because each turn reads it, and with thousands of
    /// connections reading the timer itself costs one more wait for memory.
    fires: Option<Instant>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self { waker: Waker::noop().clone(), sleep: None, fires: None }
    }

    /// Sets the task that it wakes, which may have changed.
    pub(crate) fn follow(&mut self, context: &mut Context<'_>) {
        if !self.waker.will_wake(context.waker()) {
            self.waker.clone_from(context.waker());
            if let Some(sleep) = &mut self.sleep {
                // This only sets the waker; the next turn finds what is due.
                let _ = pin!(unconstrained(sleep.as_mut())).poll(context);
            }
        }
    }

    /// Whether its time has come. If not, nothing is due of what it was set for.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.fires.is_some_and(|fires| fires <= now)
    }

    /// Whether it still fires at this timeout or earlier. True if there is no timeout.
    pub(crate) fn is_set_for(&self, timeout: Option<Instant>, now: Instant) -> bool {
        let Some(timeout) = timeout else { return true };
        self.fires.is_some_and(|fires| now < fires && fires <= timeout)
    }

    /// Sets when it fires. A timer that fires too early is set again then, which is cheaper than
    /// moving it with each call.
    pub(crate) fn set(&mut self, timeout: Option<Instant>, context: &mut Context<'_>) {
        self.fires = timeout;
        let Some(timeout) = timeout.map(tokio::time::Instant::from_std) else { return };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(timeout)));
        sleep.as_mut().reset(timeout);
        // Sets the waker, unless the timer fires now; the next turn finds what is due. Constrained,
        // the timer would not be set at all when the task's budget is spent.
        let _ = pin!(unconstrained(sleep.as_mut())).poll(context);
    }
}
