//! What wakes a driver for the next timeout of its connection.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Instant;

use tokio::task::unconstrained;
use tokio::time::Sleep;

/// What wakes a driver for the next timeout of its connection.
#[derive(Debug)]
pub(crate) struct Timer {
    /// Whom it wakes.
    waker: Waker,
    /// What fires, once there was a timeout.
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it fires. Here as well, because each turn looks at it, and with thousands of connections
    /// a look at the timer itself is one more wait for memory.
    fires: Option<Instant>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self { waker: Waker::noop().clone(), sleep: None, fires: None }
    }

    /// Has it wake this task, which may have changed.
    pub(crate) fn follow(&mut self, context: &mut Context<'_>) {
        if !self.waker.will_wake(context.waker()) {
            self.waker.clone_from(context.waker());
            if let Some(sleep) = &mut self.sleep {
                // What is due the next turn sees; this says whom to wake.
                let _ = pin!(unconstrained(sleep.as_mut())).poll(context);
            }
        }
    }

    /// Whether it is still to fire, at this time or earlier.
    pub(crate) fn is_set_for(&self, timeout: Option<Instant>, now: Instant) -> bool {
        let Some(timeout) = timeout else { return true };
        self.fires.is_some_and(|fires| now < fires && fires <= timeout)
    }

    /// Has it fire at this time. One that fires early is set anew then; that is cheaper than
    /// moving it with each call.
    pub(crate) fn set(&mut self, timeout: Option<Instant>, context: &mut Context<'_>) {
        self.fires = timeout;
        let Some(timeout) = timeout.map(tokio::time::Instant::from_std) else { return };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(timeout)));
        sleep.as_mut().reset(timeout);
        // It wakes the driver, if it doesn't fire now; the next turn sees what is due. Constrained, it
        // would not be set at all when the task's budget is spent.
        let _ = pin!(unconstrained(sleep.as_mut())).poll(context);
    }
}
