//! A connection whose end must be reported before anything of another one is.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use brpc_rt::BoxFuture;
use parking_lot::Mutex;

/// The connection that had a plugin's name before, if its end may not be reported yet.
#[derive(Default)]
pub(crate) struct Predecessor {
    /// Whether there is one. Beside the lock, since a driver asks whenever it has events.
    is_there: AtomicBool,
    /// Ready when its end is reported; then dropped, or each connection would keep all before it.
    ended: Mutex<Option<BoxFuture<()>>>,
}

impl Predecessor {
    /// There is one, and this is ready when its end is reported.
    pub(crate) fn set(&self, ended: impl Future<Output = ()> + Send + 'static) {
        *self.ended.lock() = Some(Box::pin(ended));
        self.is_there.store(true, Ordering::Release);
    }

    /// Ready when there is none any more.
    #[inline]
    pub(crate) fn poll_gone(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_there.load(Ordering::Acquire) {
            let mut ended = self.ended.lock();
            if let Some(ended) = &mut *ended {
                ready!(ended.as_mut().poll(context));
            }
            *ended = None;
            self.is_there.store(false, Ordering::Release);
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Predecessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Predecessor").field(&self.is_there).finish()
    }
}
