//! Runs handlers: in place until they have to wait, then in tasks of their own.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as StdInstant};

use brpc_core::{Answer, Dialect, Failure, Metadata, Status};
use brpc_proto::CallId;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken as Hold;
use tracing::{Instrument as _, Span};

use super::bound::Bound;
use super::context::Context;
use super::handler::{Handler, catching, expired, run_blocking};
use super::hook::AsyncHook;
use super::in_place::InPlace;
use super::incoming::Incoming;
use super::receiver::{Invoke, Method, OnCancel, Receiver};
use super::service::{OnLoss, Service};
use super::waiting::{Pending, Waiting};
use crate::middleware::Chain;
use crate::{BoxFuture, SharedConnection};

/// The handlers of one connection, and what they share.
pub struct Handlers<R> {
    connection: Arc<SharedConnection>,
    receiver: Arc<R>,
    hook: AsyncHook,
    middleware: Chain<Incoming>,
    /// How long a method may hold up the connection before a warning names it.
    patience: Option<Duration>,
    /// How the hub writes its inputs.
    dialect: Dialect,
    /// Cancels each handler that runs beside the driver.
    running: Mutex<HashMap<CallId, CancellationToken>>,
    /// The tasks and threads of these handlers.
    tasks: Remaining,
    /// Held as long as the connection may start handlers.
    open: Mutex<Option<Hold>>,
    /// What becomes of running handlers when the connection is lost.
    on_loss: OnLoss,
    /// How many handlers of lost connections may run on.
    max_left: usize,
    /// Whether the connection is over, so that no handler starts any more.
    is_over: AtomicBool,
    /// Whether calls wait. Set under the connection's lock when too many answers are unsent.
    is_backed_up: AtomicBool,
    /// Calls that wait until the peer has read more answers.
    waiting: Mutex<Waiting>,
}

impl<R: Receiver> Handlers<R> {
    /// The handlers of a connection, which may still be in its handshake.
    pub fn new(
        connection: Arc<SharedConnection>,
        service: &Service<R>,
        tasks: Remaining,
    ) -> Arc<Self> {
        Arc::new(Self {
            connection,
            receiver: service.receiver.clone(),
            hook: service.hook.clone(),
            middleware: service.middleware.clone(),
            patience: service.patience,
            dialect: service.dialect,
            on_loss: service.on_loss,
            max_left: service.max_left,
            open: Mutex::new(Some(tasks.hold())),
            tasks,
            is_over: AtomicBool::new(false),
            running: Mutex::default(),
            is_backed_up: AtomicBool::new(false),
            waiting: Mutex::default(),
        })
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<SharedConnection> {
        &self.connection
    }

    /// Lets the hook send events: the handshake has succeeded. Returns how many were dropped since
    /// the last connection.
    pub fn open(&self) -> u64 {
        self.hook.connect(self.connection.clone())
    }

    /// Wakes the tasks that wait to send events: there is credit again.
    pub fn credit(&self) {
        self.hook.ring();
    }

    /// Times the handlers that are about to be started one after the other.
    pub fn in_place(&self) -> InPlace {
        InPlace::new(self.patience)
    }

    /// Starts a handler, or has the call wait until the peer has read more answers. Returns at once,
    /// unless a sync handler that isn't marked `blocking` takes long, or an async one before it first
    /// waits.
    pub fn start(
        self: &Arc<Self>,
        id: CallId,
        call: brpc_proto::Call,
        deadline: Option<StdInstant>,
        in_place: &mut InPlace,
    ) {
        let pending = Pending { id, call, deadline };
        if self.is_backed_up.load(Ordering::Relaxed) {
            self.have_wait(pending);
        } else {
            self.begin(pending, in_place);
        }
    }

    /// Starts the handlers of calls that wait, as long as the peer reads their answers. Called in
    /// order with [`start`](Self::start).
    pub fn resume(self: &Arc<Self>, in_place: &mut InPlace) {
        loop {
            let mut connection = self.connection.lock();
            if !connection.may_start() {
                return;
            }
            let Some(pending) = self.waiting.lock().pop() else {
                return self.is_backed_up.store(false, Ordering::Relaxed);
            };
            drop(connection);
            self.begin(pending, in_place);
        }
    }

    /// Has a call wait, or refuses it if too many bytes wait.
    fn have_wait(&self, pending: Pending) {
        let limit = self.connection.lock().max_waiting();
        let refused = self.waiting.lock().push(pending, limit);
        if let Err(Pending { id, .. }) = refused {
            self.send(id, Err(Failure::new(Status::Overloaded, "")), Metadata::new());
        }
    }

    /// Starts a handler.
    fn begin(self: &Arc<Self>, Pending { id, call, deadline }: Pending, in_place: &mut InPlace) {
        let brpc_proto::Call { method, payload, trace, metadata, .. } = call;
        let Some(method) = R::methods().get(method as usize) else {
            let failure = Failure::new(Status::MethodNotFound, "");
            return self.send(id, Err(failure), Metadata::new());
        };
        let deadline = deadline.map(Instant::from_std);
        let context = Context::new(trace, metadata, deadline, self.hook.clone(), self.dialect);
        if let Some(answer) = expired(&context, in_place.start(method.name)) {
            return self.answer(id, answer, &context);
        }
        if !self.middleware.is_empty() {
            return self.start_chain(id, method, &context, payload);
        }
        match method.invoke {
            Invoke::Sync(invoke) => {
                let answer = catching(|| invoke(&self.receiver, &context, &payload));
                self.answer(id, answer, &context);
            }
            Invoke::Blocking(invoke) => {
                self.running.lock().insert(id, context.cancellation().clone());
                let (handlers, span) = (self.clone(), Span::current());
                self.tasks.0.spawn_blocking(move || {
                    let run = || run_blocking(invoke, &handlers.receiver, &context, &payload);
                    // It may have waited for a thread up to the end of its connection.
                    if handlers.is_over.load(Ordering::Acquire) {
                        context.cancellation().cancel();
                    }
                    let answer = span.in_scope(run);
                    handlers.finished(id, answer, &context);
                });
            }
            Invoke::Async(invoke) => {
                let handler = || invoke(self.receiver.clone(), context.clone(), payload);
                self.start_async(id, method.on_cancel, &context, handler);
            }
        }
    }

    /// Runs the middleware, and the method at the chain's end. The call is answered when both have
    /// ended, so it keeps its place as long as the method runs.
    fn start_chain(
        self: &Arc<Self>,
        id: CallId,
        method: &'static Method<R>,
        context: &Context,
        input: Bytes,
    ) {
        let bound = Arc::new(Bound::new(self.receiver.clone(), method));
        let next = self.middleware.clone().around(bound.clone());
        let call = Incoming { method: method.name, context: context.clone(), input };
        let chain = match Handler::begin(|| Box::pin(next.run(call))) {
            Ok(answer) if bound.close() => return self.answer_of_chain(id, answer, context),
            chain => chain,
        };
        self.running.lock().insert(id, context.cancellation().clone());
        let (handlers, context) = (self.clone(), context.clone());
        let run = async move {
            let answer = match chain {
                Ok(answer) => answer,
                Err(chain) => run_chain(chain, &bound, &context).await,
            };
            if !bound.close() {
                bound.finish().await;
            }
            handlers.running.lock().remove(&id);
            handlers.answer_of_chain(id, answer, &context);
        };
        self.tasks.0.spawn(run.in_current_span());
    }

    /// Answers a call that passed middleware.
    fn answer_of_chain(&self, id: CallId, answer: Answer, context: &Context) {
        // Middleware may give bytes whose memory is its own: dropped last, they are not dropped by the
        // connection, under its lock.
        let _answer = answer.clone();
        self.answer(id, answer, context);
    }

    /// Polls an async handler once in place; one that has to wait goes on in a task.
    fn start_async(
        self: &Arc<Self>,
        id: CallId,
        on_cancel: OnCancel,
        context: &Context,
        begin: impl FnOnce() -> BoxFuture<Answer>,
    ) {
        let handler = match Handler::begin(begin) {
            Ok(answer) => return self.answer(id, answer, context),
            Err(handler) => handler,
        };
        self.running.lock().insert(id, context.cancellation().clone());
        let (handlers, context) = (self.clone(), context.clone());
        let run = async move {
            let answer = handler.run(on_cancel, context.cancellation()).await;
            handlers.finished(id, answer, &context);
        };
        self.tasks.0.spawn(run.in_current_span());
    }

    /// Cancels a handler, or a call that waits for its handler.
    pub fn cancel(&self, id: CallId) {
        let cancelled = self.running.lock().get(&id).cloned();
        if let Some(cancelled) = cancelled {
            return cancelled.cancel();
        }
        let waited = self.waiting.lock().remove(id);
        if let Some(Pending { deadline, .. }) = waited {
            let is_late = deadline.is_some_and(|deadline| deadline <= crate::now());
            let status = if is_late { Status::Expired } else { Status::Cancelled };
            self.send(id, Err(Failure::new(status, "")), Metadata::new());
        }
    }

    /// Disconnects the hook, and cancels all handlers: the connection is over. If it was lost, they
    /// may run on, as the plugin wants it.
    pub fn close(&self, is_lost: bool) {
        self.is_over.store(true, Ordering::Release);
        self.hook.disconnect(&self.connection);
        drop(self.open.lock().take());
        let running = std::mem::take(&mut *self.running.lock());
        // The limit is for a hub that makes plugins lose connection after connection. Whoever holds
        // the tasks for all connections counts as one.
        let most = self.max_left.saturating_add(1);
        let may_finish = self.on_loss == OnLoss::Finish && self.tasks.count() <= most;
        if !(is_lost && may_finish) {
            running.values().for_each(CancellationToken::cancel);
        }
        let waiting = std::mem::take(&mut *self.waiting.lock());
        drop(waiting);
    }

    /// What still runs when the connection is over.
    pub fn remaining(&self) -> Remaining {
        self.tasks.clone()
    }

    fn finished(&self, id: CallId, answer: Answer, context: &Context) {
        self.running.lock().remove(&id);
        self.answer(id, answer, context);
    }

    /// Answers a call, with the metadata that its handler has added.
    fn answer(&self, id: CallId, answer: Answer, context: &Context) {
        self.send(id, answer, context.take_response_metadata());
    }

    fn send(&self, id: CallId, answer: Answer, metadata: Metadata) {
        let mut connection = self.connection.lock();
        connection.answer(id, answer, metadata);
        if !connection.may_start() {
            self.is_backed_up.store(true, Ordering::Relaxed);
        }
        connection.unlock_and_wake();
    }
}

/// The handlers of one connection or of several, for who waits until none of them runs. A cheap
/// clone that keeps nothing alive.
#[derive(Clone, Debug)]
pub struct Remaining(TaskTracker);

impl Remaining {
    /// No handlers yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a new one is not like any other")]
    pub fn new() -> Self {
        let tasks = TaskTracker::new();
        // Whoever may start handlers holds a token.
        tasks.close();
        Self(tasks)
    }

    /// As long as the token lives, it has not [`ended`](Self::ended).
    pub fn hold(&self) -> Hold {
        self.0.token()
    }

    /// How many handlers run beside their drivers, of all connections.
    fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns when all connections are over and no handler runs.
    pub async fn ended(&self) {
        self.0.wait().await;
    }
}

impl<R> fmt::Debug for Handlers<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.running.lock().len();
        f.debug_struct("Handlers").field("running", &running).finish_non_exhaustive()
    }
}

/// Runs a chain to its end, or until the call is cancelled and no method runs that may not be
/// dropped. The middleware around such a method stays, with all that it holds, such as a permit.
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
