//! Runs handlers: in place until they have to wait, then in tasks of their own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as StdInstant};

use brpc_core::{Answer, Dialect, Failure, Metadata, Status};
use brpc_proto::{CallId, Origin, Terms};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use super::bound::Bound;
use super::context::Context;
use super::handler::{Handler, catching, expired, run_blocking};
use super::hook::AsyncHook;
use super::in_place::InPlace;
use super::incoming::Incoming;
use super::outlet::Outlet;
use super::panic_text::PanicText;
use super::receiver::{Invoke, Method, OnCancel, Receiver};
use super::remaining::{Cancel, Hold, Remaining};
use super::resuming::{Recipient, Resuming};
use super::running::Running;
use super::service::{OnLoss, Service};
use super::waiting::{Pending, Waiting};
use crate::middleware::Chain;
use crate::{BoxFuture, SharedConnection};

/// The handlers of one connection, and what they share.
pub struct Handlers<R> {
    outlet: Arc<Outlet>,
    /// Calls that outlive the connection; `None` if none do.
    resuming: Option<Arc<Resuming>>,
    /// Whether the connection has begun, and whether it was lost.
    has_begun: AtomicBool,
    is_lost: AtomicBool,
    receiver: Arc<R>,
    hook: AsyncHook,
    middleware: Chain<Incoming>,
    /// How long a method may hold up the connection before a warning names it.
    patience: Option<Duration>,
    /// What the hub gets to know of a panic.
    panic_text: PanicText,
    /// How the hub writes its inputs.
    dialect: Dialect,
    /// The handlers that run beside the driver.
    running: Running,
    /// The tasks and threads of these handlers.
    tasks: Remaining,
    /// Held as long as the connection may start handlers.
    open: Mutex<Option<Hold>>,
    /// What becomes of running handlers when the connection is lost.
    on_loss: OnLoss,
    /// Whether the connection is over, so that no handler starts any more.
    is_over: AtomicBool,
    /// Calls that wait until the peer has read more answers.
    waiting: Mutex<Waiting>,
}

impl<R: Receiver> Handlers<R> {
    /// The handlers of a connection, which may still be in its handshake.
    pub fn new(
        connection: Arc<SharedConnection>,
        service: &Service<R>,
        tasks: Remaining,
        resuming: Option<Arc<Resuming>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            outlet: Arc::new(Outlet::new(connection)),
            resuming,
            has_begun: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
            receiver: service.receiver.clone(),
            hook: service.hook.clone(),
            middleware: service.middleware.clone(),
            patience: service.patience,
            panic_text: service.panic_text,
            dialect: service.dialect,
            on_loss: service.on_loss,
            open: Mutex::new(Some(tasks.hold())),
            tasks,
            is_over: AtomicBool::new(false),
            running: Running::new(service.left.clone()),
            waiting: Mutex::default(),
        })
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<SharedConnection> {
        &self.outlet.connection
    }

    /// The handshake has succeeded, on these terms: says what is known of earlier connections, and
    /// lets the hook send events. Returns how many were dropped since the last connection.
    pub fn open(&self, terms: &Terms) -> u64 {
        if let Some(resuming) = &self.resuming {
            resuming.begin(terms, &self.outlet);
            self.has_begun.store(true, Ordering::Relaxed);
        }
        self.hook.connect(self.outlet.connection.clone())
    }

    /// A call of an earlier connection goes on under this id.
    pub fn go_on(&self, id: CallId, origin: Origin) {
        if let Some(resuming) = &self.resuming {
            resuming.go_on(id, origin);
        }
    }

    /// The hub has the answer to a resumable call.
    pub fn confirm(&self, id: CallId) {
        if let Some(resuming) = &self.resuming {
            resuming.confirm(id);
        }
    }

    /// The hub has named all calls that go on.
    pub fn resumed(&self) {
        if let Some(resuming) = &self.resuming {
            resuming.resumed();
        }
    }

    /// The connection is lost, over which no call above this id has arrived; it closes.
    pub fn lose(&self, last_id: CallId) {
        if let Some(resuming) = &self.resuming {
            self.is_lost.store(true, Ordering::Relaxed);
            resuming.lose(last_id);
        }
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
        let (recipient, token) = match &self.resuming {
            Some(resuming) if call.resumable.is_some() => {
                let (recipient, token) = resuming.called(id, &call, deadline);
                (recipient, Some(token))
            }
            _ => (Recipient::Connection(id), None),
        };
        let pending = Pending { id, call, deadline, recipient, token };
        if self.outlet.is_backed_up.load(Ordering::Relaxed) {
            self.have_wait(pending);
        } else {
            self.begin(pending, in_place);
        }
    }

    /// Starts the handlers of calls that wait, as long as the peer reads their answers. Called in
    /// order with [`start`](Self::start).
    pub fn resume(self: &Arc<Self>, in_place: &mut InPlace) {
        loop {
            let mut connection = self.outlet.connection.lock();
            if !connection.may_start() {
                return;
            }
            let Some(pending) = self.waiting.lock().pop() else {
                return self.outlet.is_backed_up.store(false, Ordering::Relaxed);
            };
            drop(connection);
            self.begin(pending, in_place);
        }
    }

    /// Has a call wait, or refuses it if too many bytes wait.
    fn have_wait(&self, pending: Pending) {
        let limit = self.outlet.connection.lock().max_waiting();
        let refused = self.waiting.lock().push(pending, limit);
        if let Err(recipient) = refused {
            self.send(recipient, Err(Failure::new(Status::Overloaded, "")), Metadata::new());
        }
    }

    /// Starts a handler.
    fn begin(self: &Arc<Self>, pending: Pending, in_place: &mut InPlace) {
        let Pending { call, deadline, recipient, token, .. } = pending;
        if self.running.is_full(|| self.resuming.as_ref().map_or(0, |it| it.running())) {
            let failure = Failure::new(Status::Overloaded, "");
            return self.send(recipient, Err(failure), Metadata::new());
        }
        let brpc_proto::Call { method, payload, trace, metadata, .. } = call;
        let Some(method) = R::methods().get(method as usize) else {
            let failure = Failure::new(Status::MethodNotFound, "");
            return self.send(recipient, Err(failure), Metadata::new());
        };
        let deadline = deadline.map(Instant::from_std);
        let context = Context::new(trace, metadata, deadline, self.hook.clone(), self.dialect);
        if let Some(token) = token {
            context.cancel_with(token);
        }
        if let Some(answer) = expired(&context, in_place.start(method.name)) {
            return self.answer(recipient, answer, &context);
        }
        if !self.middleware.is_empty() {
            return self.start_chain(recipient, method, &context, payload);
        }
        match method.invoke {
            Invoke::Sync(invoke) => {
                let answer = catching(|| invoke(&self.receiver, &context, &payload));
                self.answer(recipient, answer, &context);
            }
            Invoke::Blocking(invoke) => {
                self.note_running(recipient, &context);
                let (handlers, span) = (self.clone(), Span::current());
                self.tasks.tasks.spawn_blocking(move || {
                    let run = || run_blocking(invoke, &handlers.receiver, &context, &payload);
                    // It may have waited for a thread up to the end of its connection.
                    let is_over = handlers.is_over.load(Ordering::Acquire);
                    if is_over && matches!(recipient, Recipient::Connection(_)) {
                        context.cancellation().cancel();
                    }
                    let answer = span.in_scope(run);
                    handlers.finished(recipient, answer, &context);
                });
            }
            Invoke::Async(invoke) => {
                let handler = || invoke(self.receiver.clone(), context.clone(), payload);
                self.start_async(recipient, method.on_cancel, &context, handler);
            }
        }
    }

    /// Runs the middleware, and the method at the chain's end. The call is answered when both have
    /// ended, so it keeps its place as long as the method runs.
    fn start_chain(
        self: &Arc<Self>,
        recipient: Recipient,
        method: &'static Method<R>,
        context: &Context,
        input: Bytes,
    ) {
        let bound = Arc::new(Bound::new(self.receiver.clone(), method));
        let next = self.middleware.clone().around(bound.clone());
        let call = Incoming { method: method.name, context: context.clone(), input };
        let chain = match Handler::begin(|| Box::pin(next.run(call))) {
            Ok(answer) if bound.close() => return self.answer_of_chain(recipient, answer, context),
            chain => chain,
        };
        self.note_running(recipient, context);
        let (handlers, context) = (self.clone(), context.clone());
        let run = async move {
            let answer = match chain {
                Ok(answer) => answer,
                Err(chain) => run_chain(chain, &bound, &context).await,
            };
            if !bound.close() {
                bound.finish().await;
            }
            handlers.note_ended(recipient);
            handlers.answer_of_chain(recipient, answer, &context);
        };
        self.tasks.tasks.spawn(run.in_current_span());
    }

    /// Answers a call that passed middleware.
    fn answer_of_chain(&self, recipient: Recipient, answer: Answer, context: &Context) {
        // Middleware may give bytes whose memory is its own: dropped last, they are not dropped by the
        // connection, under its lock.
        let _held = answer.clone();
        let answer = match (recipient, answer) {
            // Held for longer, until the hub confirms it.
            (Recipient::Kept(..), Ok(output)) => Ok(Bytes::copy_from_slice(&output)),
            (_, answer) => answer,
        };
        self.answer(recipient, answer, context);
    }

    /// Polls an async handler once in place; one that has to wait goes on in a task.
    fn start_async(
        self: &Arc<Self>,
        recipient: Recipient,
        on_cancel: OnCancel,
        context: &Context,
        begin: impl FnOnce() -> BoxFuture<Answer>,
    ) {
        let handler = match Handler::begin(begin) {
            Ok(answer) => return self.answer(recipient, answer, context),
            Err(handler) => handler,
        };
        self.note_running(recipient, context);
        let (handlers, context) = (self.clone(), context.clone());
        let run = async move {
            let answer = handler.run(on_cancel, context.cancellation()).await;
            handlers.finished(recipient, answer, &context);
        };
        self.tasks.tasks.spawn(run.in_current_span());
    }

    /// Cancels a handler, or a call that waits for its handler.
    pub fn cancel(&self, id: CallId) {
        if self.running.cancel(id) {
            return;
        }
        if let Some(resuming) = &self.resuming {
            resuming.cancel(id);
        }
        let waited = self.waiting.lock().remove(id);
        if let Some(Pending { deadline, recipient, .. }) = waited {
            let is_late = deadline.is_some_and(|deadline| deadline <= crate::now());
            let status = if is_late { Status::Expired } else { Status::Cancelled };
            self.send(recipient, Err(Failure::new(status, "")), Metadata::new());
        }
    }

    /// Disconnects the hook, and cancels all handlers: the connection is over. If it was lost, they
    /// may run on, as the plugin wants it.
    pub fn close(self: &Arc<Self>, is_lost: bool) {
        self.is_over.store(true, Ordering::Release);
        self.hook.disconnect(&self.outlet.connection);
        drop(self.open.lock().take());
        // The limit is for links that are lost ever again.
        let may_finish = self.running.leave() && is_lost && self.on_loss == OnLoss::Finish;
        if may_finish {
            let handlers: Arc<dyn Cancel> = self.clone();
            self.tasks.run_on(Arc::downgrade(&handlers));
        } else {
            self.running.cancel_all();
        }
        let waiting = std::mem::take(&mut *self.waiting.lock());
        let Some(resuming) = &self.resuming else { return };
        if self.is_lost.load(Ordering::Relaxed) {
            // They have arrived, and no other connection will bring them.
            let mut in_place = self.in_place();
            for pending in waiting.into_kept() {
                self.begin(pending, &mut in_place);
            }
            in_place.end();
        } else if self.has_begun.load(Ordering::Relaxed) {
            resuming.end();
        }
    }

    /// What still runs when the connection is over.
    pub fn remaining(&self) -> Remaining {
        self.tasks.clone()
    }

    /// Notes that a handler runs beside the driver, and what cancels it. For a call that outlives the
    /// connection that is known already.
    fn note_running(&self, recipient: Recipient, context: &Context) {
        match (recipient, &self.resuming) {
            (Recipient::Connection(id), _) => {
                self.running.begin(id, context.cancellation().clone());
            }
            (Recipient::Kept(_, number), Some(resuming)) => resuming.runs_beside(number),
            (Recipient::Kept(..), None) => {}
        }
    }

    /// Notes that it has ended. That of a call that outlives the connection has when it answers.
    fn note_ended(&self, recipient: Recipient) {
        if let Recipient::Connection(id) = recipient {
            self.running.end(id);
        }
    }

    fn finished(&self, recipient: Recipient, answer: Answer, context: &Context) {
        self.note_ended(recipient);
        self.answer(recipient, answer, context);
    }

    /// Answers a call, with the metadata that its handler has added.
    fn answer(&self, recipient: Recipient, answer: Answer, context: &Context) {
        self.send(recipient, answer, context.take_response_metadata());
    }

    fn send(&self, recipient: Recipient, answer: Answer, metadata: Metadata) {
        let answer = self.panic_text.of(answer);
        match (recipient, &self.resuming) {
            (Recipient::Connection(id), _) => self.outlet.send(id, answer, metadata),
            (Recipient::Kept(origin, number), Some(resuming)) => {
                resuming.answer((origin, number), answer, metadata);
            }
            (Recipient::Kept(..), None) => {}
        }
    }
}

impl<R: Receiver> Cancel for Handlers<R> {
    fn cancel_all(&self) {
        self.running.cancel_all();
    }
}

impl<R> fmt::Debug for Handlers<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.running.len();
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
