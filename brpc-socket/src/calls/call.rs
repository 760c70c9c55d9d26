//! One call, from the caller's side.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc_core::caller::Target;
use brpc_core::{Admission, CallError, CallErrorKind, Dialect, Response, Stage};
use brpc_proto::json;
use brpc_proto::limits::OWN_SLICE;
use brpc_rt::{BoxFuture, Canceller, Slot};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::attempts::through;
use super::request::Request;
use super::running::{Running, find, method_number};
use crate::hub::Hub;
use crate::outgoing::{Called, Options, Outcome, Outgoing};
use crate::plugin_ref::PluginRef;

/// A call to one plugin; made by [`Socket::call`](crate::Socket::call). It does nothing until it is
/// first polled; then its timeout starts.
///
/// It ends in exactly one outcome, at the latest when its deadline passes.
///
/// # Cancel safety
/// Dropping it cancels the call. If nothing of it was sent, nothing will be. Otherwise the plugin
/// receives a Cancel, and the call keeps its place until the plugin answers.
#[must_use = "a call does nothing unless it is awaited"]
pub struct Call<T> {
    state: State,
    decode: Decode<T>,
}

/// Turns an answer into what the caller wants.
pub(crate) type Decode<T> = fn(Response<Bytes>) -> Result<T, CallErrorKind>;

enum State {
    /// Not yet made.
    Prepared(Prepared),
    /// Made.
    Running(Running),
    /// In the hub's middleware.
    Passing(BoxFuture<Outcome>, Called),
    /// Refused when it was made.
    Refused(CallError),
    /// Over.
    Done,
}

/// What is needed to make a call.
struct Prepared {
    hub: Arc<Hub>,
    request: Request,
    /// Which plugin on its connection is called; `None` for the plugin that has the name.
    instance: Option<PluginRef>,
    options: Options,
    /// Made in advance only for a cancel handle.
    canceller: Option<Arc<Canceller>>,
}

impl Prepared {
    /// Whether more than one attempt may be made, by the middleware or when the plugin is back.
    fn passes(&self) -> bool {
        self.options.wait_for_plugin.is_some() || !self.hub.config().middleware.is_empty()
    }

    /// Makes the call. Nothing of it is left for another one.
    fn start(&mut self, context: &Context<'_>) -> Result<Running, CallError> {
        let Self { hub, request, instance, options, canceller } = self;
        let named = |kind| request.name(kind);
        let link = find(hub, request.plugin(), instance.as_ref()).map_err(named)?;
        let charge = hub.charge(1, request.input().len()).map_err(named)?;
        let method = method_number(&link, request.method()).map_err(named)?;
        if canceller.as_deref().is_some_and(Canceller::is_cancelled) {
            return Err(named(CallErrorKind::Cancelled { stage: Stage::Queued }));
        }
        let slot = Slot::waiting(context).charged(charge);
        // A small input is copied where it is submitted.
        let (payload, input) = match request.input().len() {
            ..OWN_SLICE => (Bytes::new(), request.input()),
            _ => (request.take_input(), &[][..]),
        };
        let call = std::mem::take(options).into_call(method, payload);
        let running = Running::start_with(link, call, input, slot)?;
        if let Some(canceller) = canceller {
            canceller.set_route(running.route());
        }
        Ok(running)
    }

    /// Passes the call to the middleware, and to what lies behind it. Nothing of it is left for
    /// another one.
    fn pass(&mut self) -> State {
        let plugin = match self.instance.take() {
            Some(plugin) => Target::Instance(plugin),
            None => Target::Name(self.request.plugin().into()),
        };
        let method = self.request.method().to_owned();
        let input = self.request.take_input();
        let call = Outgoing::new(plugin, method, input, std::mem::take(&mut self.options));
        let called = call.called();
        let canceller = self.canceller.take();
        State::Passing(through(self.hub.clone(), call, called.clone(), canceller, false), called)
    }
}

fn decode<T: DeserializeOwned>(dialect: Dialect, output: &[u8]) -> Result<T, CallErrorKind> {
    json::decode_in(dialect, output).map_err(|error| CallErrorKind::InvalidOutput {
        message: format!("it doesn't decode into the caller's type: {error}"),
    })
}

/// Decodes an output.
pub(crate) fn output<T: DeserializeOwned>(response: Response<Bytes>) -> Result<T, CallErrorKind> {
    let dialect = response.dialect();
    let Response { output, .. } = response;
    decode(dialect, &output)
}

/// Decodes an output, and keeps the metadata of the answer.
pub(crate) fn output_and_metadata<T: DeserializeOwned>(
    response: Response<Bytes>,
) -> Result<Response<T>, CallErrorKind> {
    let dialect = response.dialect();
    let Response { output, metadata, .. } = response;
    Ok(Response::new(decode(dialect, &output)?).with_metadata(metadata))
}

impl<T> Call<T> {
    /// A call that is made when it is polled.
    pub(crate) fn new(
        hub: Arc<Hub>,
        request: Result<Request, CallError>,
        instance: Option<PluginRef>,
        decode: Decode<T>,
    ) -> Self {
        let request = match request {
            Ok(request) => request,
            Err(error) => return Self::refused(error, decode),
        };
        let (timeout, resumable) = (hub.config().default_timeout, hub.config().resumable);
        let options = Options { timeout, resumable, ..Options::default() };
        let prepared = Prepared { hub, request, instance, options, canceller: None };
        Self { state: State::Prepared(prepared), decode }
    }

    /// A call that is made already.
    pub(crate) fn running(running: Result<Running, CallError>, decode: Decode<T>) -> Self {
        Self { state: running.map_or_else(State::Refused, State::Running), decode }
    }

    /// One of many calls that share their input, through the middleware.
    pub(crate) fn passing(hub: Arc<Hub>, call: Outgoing, decode: Decode<T>) -> Self {
        let called = call.called();
        Self {
            state: State::Passing(through(hub, call, called.clone(), None, true), called),
            decode,
        }
    }

    /// A call that ends in this error when it is awaited.
    pub(crate) fn refused(error: CallError, decode: Decode<T>) -> Self {
        Self { state: State::Refused(error), decode }
    }

    /// The same call, with the metadata of its answer. The metadata of an error is in
    /// [`MethodError::metadata`](crate::MethodError::metadata) in any case.
    ///
    /// ```no_run
    /// # async fn example(hub: brpc_socket::Socket) -> Result<(), brpc_socket::CallError> {
    /// let page = hub.call::<String>("cache", "get", "index").response().await?;
    /// println!("{} bytes, from {:?}", page.output.len(), page.metadata.get("served-by"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn response(self) -> Call<Response<T>>
    where
        T: DeserializeOwned,
    {
        Call { state: self.state, decode: output_and_metadata }
    }

    /// The timeout of the call, from its first poll on; `None` for none. The default is the hub's,
    /// which is 30 s if it was not set.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        let timeout = timeout.into();
        self.with(|prepared| prepared.options.timeout = timeout)
    }

    /// A trace id for the handler, of at most 256 bytes.
    pub fn trace(self, trace: impl Into<String>) -> Self {
        let trace = trace.into();
        self.with(|prepared| prepared.options.trace = trace)
    }

    /// A key and a value for the handler; at most 64 pairs and 8 KiB in all.
    pub fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|prepared| prepared.options.metadata.push(key, value))
    }

    /// If no place is free on the connection, waits for one, in the order of arrival and up to the
    /// deadline. Without this the call is then refused at once with
    /// [`Overloaded`](CallErrorKind::Overloaded).
    pub fn queue(self) -> Self {
        self.with(|prepared| prepared.options.admission = Admission::Wait)
    }

    /// If no plugin of the name is connected, or the one that is there is leaving, waits up to so
    /// long for one to come, from the first poll on. The wait is a part of the call's
    /// [`timeout`](Self::timeout): what it takes, the call doesn't have. A call that was not sent
    /// when its plugin went waits as well, for the next one.
    ///
    /// Without this, such a call ends at once, in [`NoPlugin`](CallErrorKind::NoPlugin) or
    /// [`Draining`](CallErrorKind::Draining); and so it does when the wait is over. It doesn't change
    /// calls to a plugin on [its connection](crate::Socket::call_instance), which can't come back.
    ///
    /// A call that may wait must be polled in a tokio runtime.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(hub: brpc_socket::Socket) -> Result<(), brpc_socket::CallError> {
    /// let call = hub.call::<()>("builder", "build", "main").timeout(Duration::from_secs(60));
    /// call.wait_for_plugin(Duration::from_secs(20)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_plugin(self, longest: Duration) -> Self {
        self.with(|prepared| prepared.options.wait_for_plugin = Some(longest))
    }

    /// Lets the call outlive its connection: if that is lost, the call is suspended for up to so long,
    /// and goes on when the plugin is back; never beyond its deadline. `None` for not at all, which is
    /// the default unless [`Builder::resumable`](crate::Builder::resumable) sets another.
    ///
    /// It goes on if the plugin stays connected by `Plugin::run`, and the hub still runs. Its method is
    /// started at most once. If the plugin can't go on with it, the call ends in
    /// [`Disconnected`](CallErrorKind::Disconnected), as any other does at once. What ends on purpose,
    /// by unplugging or a shutdown, ends its calls. With any other plugin this does nothing.
    ///
    /// It costs the hub the input, kept until the end of the call, and the plugin the answer, kept until
    /// the hub has it; and one more short frame. The guide says when it is worth that.
    pub fn resumable(self, window: impl Into<Option<Duration>>) -> Self {
        let window = window.into();
        self.with(|prepared| prepared.options.resumable = window)
    }

    /// A handle that cancels the call from elsewhere; the call then ends in
    /// [`Cancelled`](CallErrorKind::Cancelled). Take it before the call is polled.
    pub fn cancel_handle(&mut self) -> CancelHandle {
        match &mut self.state {
            State::Prepared(prepared) => {
                CancelHandle(prepared.canceller.get_or_insert_default().clone())
            }
            // Too late: nothing leads from the handle to the call, so this one does nothing.
            State::Running(_) | State::Passing(..) | State::Refused(_) | State::Done => {
                CancelHandle(Arc::default())
            }
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Prepared)) -> Self {
        if let State::Prepared(prepared) = &mut self.state {
            change(prepared);
        }
        self
    }

    fn poll_outcome(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        if let State::Prepared(prepared) = &mut self.state {
            if !prepared.passes() {
                // The caller already waits at its slot.
                self.state = State::Running(prepared.start(context)?);
                return Poll::Pending;
            }
            self.state = prepared.pass();
        }
        match &mut self.state {
            State::Running(running) => running.poll(context),
            State::Passing(passing, _) => passing.as_mut().poll(context),
            _ => match std::mem::replace(&mut self.state, State::Done) {
                State::Refused(error) => Poll::Ready(Err(error)),
                _ => panic!("a call was polled after it had ended"),
            },
        }
    }

    /// The error of the call, which has just ended.
    #[cold]
    fn name(&self, kind: CallErrorKind) -> CallError {
        match &self.state {
            State::Running(running) => running.name(kind),
            State::Passing(_, called) => called.name(kind.into()),
            _ => kind.into(),
        }
    }
}

impl<T> Future for Call<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.poll_outcome(context));
        let output =
            outcome.and_then(|response| (self.decode)(response).map_err(|kind| self.name(kind)));
        self.state = State::Done;
        Poll::Ready(output)
    }
}

impl<T> std::fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Prepared(_) => "prepared",
            State::Running(_) | State::Passing(..) => "running",
            State::Refused(_) => "refused",
            State::Done => "done",
        };
        f.debug_struct("Call").field("state", &state).finish_non_exhaustive()
    }
}

/// Cancels a call from elsewhere; made by [`Call::cancel_handle`].
#[derive(Clone, Debug)]
pub struct CancelHandle(Arc<Canceller>);

impl CancelHandle {
    /// Cancels the call, if it is not over.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
