//! A method with its receiver: the end of a chain of middleware.

use std::future::ready;
use std::sync::Arc;

use brpc_core::{Answer, Failure, Status};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{Instrument as _, Span};

use super::handler::{Handler, catching, expired, run_blocking, unwanted};
use super::incoming::Incoming;
use super::receiver::{Invoke, Method, OnCancel, Receiver};
use crate::BoxFuture;
use crate::middleware::Inner;

/// A method with its receiver: the end of a chain of middleware.
pub(super) struct Bound<R: 'static> {
    receiver: Arc<R>,
    method: &'static Method<R>,
    /// Counts the runs of the method, mostly one at a time. A run may outlive the chain.
    running: TaskTracker,
    /// Whether the chain has ended, so that the method isn't started any more.
    is_over: Mutex<bool>,
}

impl<R> Bound<R> {
    pub(super) fn new(receiver: Arc<R>, method: &'static Method<R>) -> Self {
        Self { receiver, method, running: TaskTracker::new(), is_over: Mutex::new(false) }
    }

    /// Prevents the method from being started again; returns whether no run is left.
    pub(super) fn close(&self) -> bool {
        *self.is_over.lock() = true;
        self.running.close();
        self.running.is_empty()
    }

    /// Waits until no run is left that may not be dropped.
    pub(super) async fn released(&self) {
        let may_be_dropped = match self.method.invoke {
            Invoke::Sync(_) => true,
            Invoke::Blocking(_) => false,
            Invoke::Async(_) => self.method.on_cancel == OnCancel::Drop,
        };
        if !may_be_dropped {
            self.running.close();
            self.running.wait().await;
        }
    }

    /// Waits until no run is left, after `close`.
    pub(super) async fn finish(&self) {
        self.running.wait().await;
    }

    /// Counts a run; `None` if the chain has ended. Under the lock, so that `close` sees the run.
    fn enter(&self) -> Option<TaskTrackerToken> {
        let is_over = self.is_over.lock();
        (!*is_over).then(|| self.running.token())
    }
}

impl<R: Receiver> Inner<Incoming> for Bound<R> {
    fn run(self: Arc<Self>, call: Incoming) -> BoxFuture<Answer> {
        let Incoming { context, input, .. } = call;
        let Some(_running) = self.enter() else {
            return Box::pin(ready(Err(Failure::new(Status::Cancelled, ""))));
        };
        // The middleware may have waited.
        if let Some(answer) = expired(&context, Instant::now()).or_else(|| unwanted(&context)) {
            return Box::pin(ready(answer));
        }
        let receiver = self.receiver.clone();
        match self.method.invoke {
            Invoke::Sync(invoke) => {
                Box::pin(ready(catching(|| invoke(&receiver, &context, &input))))
            }
            Invoke::Blocking(invoke) => {
                let span = Span::current();
                let run =
                    move || span.in_scope(|| run_blocking(invoke, &receiver, &context, &input));
                Box::pin(watch(self.running.spawn_blocking(run)))
            }
            Invoke::Async(invoke) => {
                let cancelled = context.cancellation().clone();
                let handler = match Handler::begin(|| invoke(receiver, context, input)) {
                    Ok(answer) => return Box::pin(ready(answer)),
                    Err(handler) => handler,
                };
                let on_cancel = self.method.on_cancel;
                let run = async move { handler.run(on_cancel, &cancelled).await };
                match on_cancel {
                    OnCancel::Drop => Box::pin(self.running.track_future(run)),
                    OnCancel::Finish => Box::pin(watch(self.running.spawn(run.in_current_span()))),
                }
            }
        }
    }
}

/// The answer of a method that runs to its end even if this future is dropped.
async fn watch(method: JoinHandle<Answer>) -> Answer {
    // It fails only if the runtime ends.
    method.await.unwrap_or_else(|_| Err(Failure::new(Status::Cancelled, "")))
}
