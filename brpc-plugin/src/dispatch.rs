//! Running handlers: in place while they don't wait, else in tasks of their own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use std::time::Instant as StdInstant;

use brpc_core::{Answer, Failure, Status};
use brpc_proto::CallId;
use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bound::Bound;
use crate::context::{Call, Context};
use crate::handler::{Handler, catching, expired, run_blocking};
use crate::link::HubLink;
use crate::middleware::{Chain, Incoming};
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
    pub(crate) fn start(
        &self,
        link: &Arc<HubLink<R>>,
        id: CallId,
        call: brpc_proto::Call,
        deadline: Option<StdInstant>,
    ) {
        let brpc_proto::Call { method, payload, trace, metadata, .. } = call;
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

    /// Runs the middleware, and the method at its end. The call is answered when both are over, so
    /// that it keeps its place as long as the method runs.
    fn start_chain(
        &self,
        link: &Arc<HubLink<R>>,
        id: CallId,
        method: &'static Method<R>,
        context: &Context,
        payload: Bytes,
    ) {
        if let Some(answer) = expired(context) {
            return link.answer(id, answer, context);
        }
        let bound = Arc::new(Bound::new(self.receiver.clone(), method));
        let next = self.middleware.clone().around(bound.clone());
        let call = Incoming::new(method.name, context.clone(), payload);
        let chain = match Handler::begin(|| Box::pin(next.run(call))) {
            Ok(answer) if bound.close() => return link.answer(id, answer, context),
            chain => chain,
        };
        self.running().insert(id, context.cancellation().clone());
        let (link, context) = (link.clone(), context.clone());
        self.tasks.spawn(async move {
            let answer = match chain {
                Ok(answer) => answer,
                Err(chain) => run_chain(chain, &bound, &context).await,
            };
            if !bound.close() {
                bound.finish().await;
            }
            link.handlers().finished(&link, id, answer, &context);
        });
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

/// Runs a chain to its end, or until nobody waits for it any more and no method runs that may not
/// be dropped: what is around such a one stays, as a place that it takes.
async fn run_chain<R: Receiver>(chain: Handler, bound: &Bound<R>, context: &Context) -> Answer {
    let cancelled = context.cancellation();
    tokio::select! {
        biased;
        answer = chain.run(OnCancel::Finish, cancelled) => answer,
        () = async { cancelled.cancelled().await; bound.released().await } => {
            Err(Failure::new(Status::Cancelled, ""))
        }
    }
}
