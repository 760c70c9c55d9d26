//! The handlers of one connection that run beside its driver, and those that connections have left.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use brpc_proto::CallId;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// How many handlers run on whose connections are over: of all connections of a plugin, or else a link
/// that is lost ever again would make it run ever more. A cheap clone of the same count.
#[derive(Clone, Debug)]
pub struct Left {
    count: Arc<AtomicUsize>,
    /// The most handlers of a plugin, on a connection or left.
    most: usize,
}

impl Left {
    /// None yet, and so many handlers at most.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { count: Arc::default(), most }
    }

    /// Counts more of them. False if that makes too many.
    pub(super) fn add(&self, handlers: usize) -> bool {
        self.count.fetch_add(handlers, Ordering::Relaxed) + handlers <= self.most
    }

    pub(super) fn remove(&self, handlers: usize) {
        self.count.fetch_sub(handlers, Ordering::Relaxed);
    }
}

/// The handlers of one connection that run beside its driver.
#[derive(Debug)]
pub(super) struct Running {
    state: Mutex<State>,
    left: Left,
}

#[derive(Debug, Default)]
struct State {
    /// What cancels each of them.
    handlers: HashMap<CallId, CancellationToken>,
    /// Whether the connection is over, so that they are counted among those that are left.
    are_left: bool,
}

impl Running {
    pub(super) fn new(left: Left) -> Self {
        Self { state: Mutex::default(), left }
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().handlers.len()
    }

    /// Whether no handler may be started, since too many of earlier connections still run, beside
    /// those of resumable calls.
    #[inline]
    pub(super) fn is_full(&self, resumable: impl FnOnce() -> usize) -> bool {
        let left = self.left.count.load(Ordering::Relaxed);
        left > 0 && left + self.len() + resumable() >= self.left.most
    }

    /// A handler runs, and this cancels it.
    pub(super) fn begin(&self, id: CallId, token: CancellationToken) {
        let mut state = self.state.lock();
        state.handlers.insert(id, token);
        if state.are_left {
            self.left.add(1);
        }
    }

    /// A handler has ended.
    pub(super) fn end(&self, id: CallId) {
        let mut state = self.state.lock();
        if state.handlers.remove(&id).is_some() && state.are_left {
            self.left.remove(1);
        }
    }

    /// Cancels a handler. False if it doesn't run.
    pub(super) fn cancel(&self, id: CallId) -> bool {
        let token = self.state.lock().handlers.get(&id).cloned();
        // Without the lock: this wakes tasks.
        token.as_ref().map(CancellationToken::cancel).is_some()
    }

    /// Cancels all of them.
    pub(super) fn cancel_all(&self) {
        let tokens: Vec<_> = self.state.lock().handlers.values().cloned().collect();
        tokens.iter().for_each(CancellationToken::cancel);
    }

    /// The connection is over, and they are left. False if too many are.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.state.lock();
        state.are_left = true;
        self.left.add(state.handlers.len())
    }
}

impl Drop for Running {
    /// Handlers that never ended went with their runtime.
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if state.are_left {
            self.left.remove(state.handlers.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_left_count_for_all_connections() {
        let left = Left::new(3);
        let connection = || Running::new(left.clone());
        let (one, two) = (connection(), connection());
        let [first, second] = [CancellationToken::new(), CancellationToken::new()];
        one.begin(1, first.clone());
        one.begin(2, second.clone());
        assert!(one.leave());
        assert!(!two.is_full(|| 0), "there is a place left");
        two.begin(1, CancellationToken::new());
        assert!(two.is_full(|| 0));
        one.end(2);
        one.end(2);
        assert!(!two.is_full(|| 0));
        assert!(two.leave());
        two.begin(2, CancellationToken::new());
        assert!(connection().is_full(|| 0));
        let three = connection();
        three.begin(1, second);
        assert!(!three.leave(), "too many");
        drop((two, three));
        assert_eq!(left.count.load(Ordering::Relaxed), 1);
        assert!(one.cancel(1) && first.is_cancelled() && !one.cancel(2));
        one.end(1);
        assert_eq!(left.count.load(Ordering::Relaxed), 0);
    }
}
