//! Running handlers: in place while they don't wait, else in tasks of their own.

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use brpc_core::{Answer, CallId, Failure, IncomingCall, Status};
use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::{Call, Context};
use crate::handler::{Handler, catching, expired, unwanted};
use crate::link::HubLink;
use crate::middleware::{Chain, Incoming, Inner, Next};
use crate::receiver::{BoxFuture, Invoke, Method, OnCancel, Receiver};

/// The handlers of one connection.
pub(crate) struct Handlers<R> {
    receiver: Arc<R>,
    middleware: Chain,
    /// What stops each handler that runs beside the driver.
    running: Mutex<HashMap<CallId, CancellationToken>>,
    /// The tasks and threads of these handlers.
    tasks: TaskTracker,
}

impl<R: Receiver> Handlers<R> {
    pub(crate) fn new(receiver: Arc<R>, middleware: Chain) -> Self {
        Self { receiver, middleware, running: Mutex::default(), tasks: TaskTracker::new() }
    }

    /// Runs a handler. Returns at once, unless it is a sync one that isn't marked `blocking` and
    /// breaks its promise to be short.
    pub(crate) fn start(&self, link: &Arc<HubLink<R>>, call: IncomingCall) {
        let IncomingCall { id, method, deadline, trace, metadata, payload } = call;
        let Some(method) = R::methods().get(method as usize) else {
            return link.refuse(id, Failure::new(Status::MethodNotFound, ""));
        };
        let context = Context::new(Call {
            trace,
            metadata,
            deadline: deadline.map(Instant::from_std),
            hook: link.hook().clone(),
            cancelled: OnceLock::new(),
            along: OnceLock::new(),
        });
        if !self.middleware.is_empty() {
            return self.start_chain(link, id, method, &context, payload);
        }
        match method.invoke {
            Invoke::Sync(invoke) => {
                let run = || catching(|| invoke(&self.receiver, &context, &payload));
                link.answer(id, expired(&context).unwrap_or_else(run), &context);
            }
            Invoke::Blocking(invoke) => {
                self.running().insert(id, context.cancellation().clone());
                let (link, receiver) = (link.clone(), self.receiver.clone());
                self.tasks.spawn_blocking(move || {
                    let answer = run_blocking(invoke, &receiver, &context, &payload);
                    link.handlers().finished(&link, id, answer, &context);
                });
            }
            Invoke::Async(invoke) => {
                let handler = || invoke(self.receiver.clone(), context.clone(), payload);
                self.start_async(link, id, method.on_cancel, &context, handler);
            }
        }
    }

    /// Runs the middleware, and the method at its end, as one async handler.
    fn start_chain(
        &self,
        link: &Arc<HubLink<R>>,
        id: CallId,
        method: &'static Method<R>,
        context: &Context,
        payload: Bytes,
    ) {
        let on_cancel = match method.invoke {
            Invoke::Sync(_) => OnCancel::Drop,
            // A thread can't be stopped, and the call keeps its place as long as it runs.
            Invoke::Blocking(_) => OnCancel::Finish,
            Invoke::Async(_) => method.on_cancel,
        };
        let (receiver, tasks) = (self.receiver.clone(), self.tasks.clone());
        let next = Next::new(self.middleware.clone(), Arc::new(Bound { receiver, method, tasks }));
        let call = Incoming::new(method.name, context.clone(), payload);
        self.start_async(link, id, on_cancel, context, || Box::pin(next.run(call)));
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
        if let Some(answer) = expired(context) {
            return link.answer(id, answer, context);
        }
        let handler = match Handler::begin(begin) {
            Ok(answer) => return link.answer(id, answer, context),
            Err(handler) => handler,
        };
        self.running().insert(id, context.cancellation().clone());
        let (link, context) = (link.clone(), context.clone());
        self.tasks.spawn(async move {
            let answer = handler.run(on_cancel, context.cancellation()).await;
            link.handlers().finished(&link, id, answer, &context);
        });
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

    fn finished(&self, link: &HubLink<R>, id: CallId, answer: Answer, context: &Context) {
        self.running().remove(&id);
        link.answer(id, answer, context);
    }

    fn running(&self) -> MutexGuard<'_, HashMap<CallId, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A method with what it is called on: the end of a chain of middleware.
struct Bound<R: 'static> {
    receiver: Arc<R>,
    method: &'static Method<R>,
    tasks: TaskTracker,
}

impl<R: Receiver> Inner for Bound<R> {
    fn run(&self, call: Incoming) -> BoxFuture<Answer> {
        let Incoming { context, input, .. } = call;
        // The middleware may have waited.
        if let Some(answer) = expired(&context).or_else(|| unwanted(&context)) {
            return Box::pin(ready(answer));
        }
        let receiver = self.receiver.clone();
        match self.method.invoke {
            Invoke::Sync(invoke) => {
                Box::pin(ready(catching(|| invoke(&receiver, &context, &input))))
            }
            Invoke::Blocking(invoke) => {
                let run = move || run_blocking(invoke, &receiver, &context, &input);
                let thread = self.tasks.spawn_blocking(run);
                // Only a runtime that ends doesn't run it.
                Box::pin(async {
                    thread.await.unwrap_or_else(|_| Err(Failure::new(Status::Cancelled, "")))
                })
            }
            Invoke::Async(invoke) => {
                let cancelled = context.cancellation().clone();
                let handler = Handler::begin(|| invoke(receiver, context, input));
                Box::pin(async move {
                    match handler {
                        Ok(answer) => answer,
                        // The whole chain is dropped if the method is to be.
                        Err(handler) => handler.run(OnCancel::Finish, &cancelled).await,
                    }
                })
            }
        }
    }
}

/// Runs a blocking handler, which may have waited for a thread.
fn run_blocking<R>(
    invoke: fn(&R, &Context, &[u8]) -> Answer,
    receiver: &R,
    context: &Context,
    payload: &[u8],
) -> Answer {
    let run = || catching(|| invoke(receiver, context, payload));
    expired(context).or_else(|| unwanted(context)).unwrap_or_else(run)
}
