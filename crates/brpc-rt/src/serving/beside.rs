//! The handlers of resumable calls that run beside a driver.

use std::collections::HashMap;

use super::running::Left;

/// The handlers of resumable calls that run beside a driver, by their numbers. One that nobody wants
/// any more may run on, since it can't be cut short; it counts with those that connections have left,
/// and its answer is none.
#[derive(Debug)]
pub(super) struct Beside {
    /// Whether each of them is wanted.
    handlers: HashMap<u64, bool>,
    left: Left,
}

impl Beside {
    pub(super) fn new(left: Left) -> Self {
        Self { handlers: HashMap::new(), left }
    }

    /// A handler runs.
    pub(super) fn begin(&mut self, number: u64) {
        self.handlers.insert(number, true);
    }

    /// Nobody wants the answer of this one any more.
    pub(super) fn give_up(&mut self, number: u64) {
        if let Some(is_wanted) = self.handlers.get_mut(&number)
            && std::mem::take(is_wanted)
        {
            self.left.add(1);
        }
    }

    /// A handler has ended; whether its answer is wanted. One that ran in place is not known here.
    pub(super) fn end(&mut self, number: u64) -> bool {
        let is_wanted = self.handlers.remove(&number).unwrap_or(true);
        if !is_wanted {
            self.left.remove(1);
        }
        is_wanted
    }

    /// How many are wanted.
    pub(super) fn wanted(&self) -> usize {
        self.handlers.values().filter(|is_wanted| **is_wanted).count()
    }
}

impl Drop for Beside {
    /// Handlers that never ended went with their runtime.
    fn drop(&mut self) {
        self.left.remove(self.handlers.len() - self.wanted());
    }
}
