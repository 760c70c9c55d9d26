//! Running handlers: in place while they don't wait, else in tasks of their own.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};

use brpc_core::{Answer, CallId, Failure, IncomingCall, Status};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::{Call, Context};
use crate::link::HubLink;
use crate::receiver::{BoxFuture, Invoke, OnCancel, Receiver};

/// The handlers of one connection.
pub(crate) struct Handlers<R> {
    receiver: Arc<R>,
    /// What stops each handler that runs beside the driver.
    running: Mutex<HashMap<CallId, CancellationToken>>,
    /// The tasks and threads of these handlers.
    tasks: TaskTracker,
}

impl<R: Receiver> Handlers<R> {
    pub(crate) fn new(receiver: Arc<R>) -> Self {
        Self { receiver, running: Mutex::default(), tasks: TaskTracker::new() }
    }

    /// Runs a handler. Returns at once, unless it is a sync one that isn't marked `blocking` and
    /// breaks its promise to be short.
    pub(crate) fn start(&self, link: &Arc<HubLink<R>>, call: IncomingCall) {
        let IncomingCall { id, method, deadline, trace, metadata, payload } = call;
        let Some(method) = R::METHODS.get(method as usize) else {
            return link.answer(id, Err(Failure::new(Status::MethodNotFound, "")));
        };
        let context = Context::new(Call {
            trace,
            metadata,
            deadline: deadline.map(Instant::from_std),
            hook: link.hook().clone(),
            cancelled: OnceLock::new(),
        });
        match method.invoke {
            Invoke::Sync(invoke) => {
                let run = || catching(|| invoke(&self.receiver, &context, &payload));
                link.answer(id, expired(&context).unwrap_or_else(run));
            }
            Invoke::Blocking(invoke) => {
                self.running().insert(id, context.cancellation().clone());
                let (link, receiver) = (link.clone(), self.receiver.clone());
                self.tasks.spawn_blocking(move || {
                    // It may have waited for a thread.
                    let run = || catching(|| invoke(&receiver, &context, &payload));
                    let answer = expired(&context).or_else(|| unwanted(&context));
                    link.handlers().finished(&link, id, answer.unwrap_or_else(run));
                });
            }
            Invoke::Async(invoke) => {
                if let Some(answer) = expired(&context) {
                    return link.answer(id, answer);
                }
                let handler = || invoke(self.receiver.clone(), context.clone(), payload);
                self.start_async(link, id, method.on_cancel, &context, handler);
            }
        }
    }

    /// Polls an async handler once in place; one that has to wait goes on in a task.
    fn start_async(
        &self,
        link: &Arc<HubLink<R>>,
        id: CallId,
        on_cancel: OnCancel,
        context: &Context,
        begin: impl FnOnce() -> BoxFuture<Answer>,
    ) {
        let mut handler = Handler(None);
        let first = catch_unwind(AssertUnwindSafe(|| {
            let handler = handler.0.insert(begin());
            // Who is to be woken is said again when the task polls it.
            handler.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()))
        }));
        match first {
            Ok(Poll::Ready(answer)) => {
                let dropped = handler.discard();
                link.answer(id, dropped.and(answer));
            }
            Err(panic) => {
                let _ = handler.discard();
                link.answer(id, Err(panicked(panic)));
            }
            Ok(Poll::Pending) => {
                let cancelled = context.cancellation().clone();
                self.running().insert(id, cancelled.clone());
                let link = link.clone();
                self.tasks.spawn(async move {
                    let answer = handler.run(on_cancel, &cancelled).await;
                    link.handlers().finished(&link, id, answer);
                });
            }
        }
    }

    /// Tells a handler that nobody waits for it any more.
    pub(crate) fn cancel(&self, id: CallId) {
        let cancelled = self.running().get(&id).cloned();
        if let Some(cancelled) = cancelled {
            cancelled.cancel();
        }
    }

    /// Tells all handlers.
    pub(crate) fn cancel_all(&self) {
        let running = std::mem::take(&mut *self.running());
        running.values().for_each(CancellationToken::cancel);
    }

    /// Returns when no handler runs any more.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn finished(&self, link: &Arc<HubLink<R>>, id: CallId, answer: Answer) {
        self.running().remove(&id);
        link.answer(id, answer);
    }

    fn running(&self) -> MutexGuard<'_, HashMap<CallId, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An async handler. Whatever it does, also when it is dropped, doesn't reach beyond its call.
struct Handler(Option<BoxFuture<Answer>>);

impl Handler {
    /// Runs the handler to its end, or until nobody waits for it.
    async fn run(mut self, on_cancel: OnCancel, cancelled: &CancellationToken) -> Answer {
        let answer = std::future::poll_fn(|context| {
            let Some(handler) = &mut self.0 else { return Poll::Pending };
            match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context))) {
                Ok(poll) => poll,
                Err(panic) => Poll::Ready(Err(panicked(panic))),
            }
        });
        let answer = match on_cancel {
            OnCancel::Finish => answer.await,
            OnCancel::Drop => match cancelled.run_until_cancelled(answer).await {
                Some(answer) => answer,
                None => Err(Failure::new(Status::Cancelled, "")),
            },
        };
        self.discard().and(answer)
    }

    /// Drops the handler.
    fn discard(&mut self) -> Result<(), Failure> {
        let handler = self.0.take();
        catch_unwind(AssertUnwindSafe(|| drop(handler))).map_err(panicked)
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.discard();
    }
}

/// The answer of a handler that runs in one go.
fn catching(run: impl FnOnce() -> Answer) -> Answer {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(panicked(panic)))
}

/// The answer of a call whose time was over before its handler started.
fn expired(context: &Context) -> Option<Answer> {
    let is_over = context.remaining().is_some_and(|remaining| remaining.is_zero());
    is_over.then(|| Err(Failure::new(Status::Expired, "")))
}

/// The answer of a call that nobody waits for before its handler started.
fn unwanted(context: &Context) -> Option<Answer> {
    context.is_cancelled().then(|| Err(Failure::new(Status::Cancelled, "")))
}

/// What a panic says.
fn panicked(panic: Box<dyn Any + Send>) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    // What was thrown is the user's, and may panic itself when it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    Failure::new(Status::Panicked, text.unwrap_or_else(|| "a panic without a text".to_owned()))
}
