//! What happened in a schedule, in words, for a seed that fails.

use std::cell::RefCell;
use std::fmt::Display;
use std::time::Instant;

thread_local! {
    /// Outlives the panic that ends a schedule.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps lines if it is on, and costs nothing if not.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    start: Instant,
    is_on: bool,
}

impl Trace {
    pub(crate) fn new(start: Instant, is_on: bool) -> Self {
        Self { start, is_on }
    }

    pub(crate) fn note<D: Display>(&self, now: Instant, line: impl FnOnce() -> D) {
        if self.is_on {
            let line = format!("{:>12?}  {}", now - self.start, line());
            LINES.with_borrow_mut(|lines| lines.push(line));
        }
    }

    /// The lines that this thread has kept.
    pub(crate) fn take() -> Vec<String> {
        LINES.take()
    }
}
