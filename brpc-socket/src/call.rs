//! One call, from the caller's side.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc_core::{Admission, CallError, CallId, NewCall, Stage, json};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::event::PluginRef;
use crate::hub::{Charge, Hub};
use crate::link::PluginLink;
use crate::request::Request;
use crate::slot::Slot;

/// A call to one plugin; made by [`Socket::call`](crate::Socket::call). It does nothing until it is
/// polled, and its time runs from then on.
///
/// It ends in exactly one outcome, at the latest when its time is over.
///
/// # Cancel safety
/// Dropping it gives the call up. If nothing of it was sent, nothing will be; else the plugin is
/// told, and the call keeps its place among those in progress until the plugin confirms.
#[must_use = "a call does nothing unless it is awaited"]
pub struct Call<T> {
    state: State,
    output: PhantomData<fn() -> T>,
}

enum State {
    /// Not yet made.
    Prepared(Prepared),
    /// Made; the outcome will be in the slot.
    Running(Running),
    /// Refused when it was made.
    Refused(CallError),
    /// Over.
    Done,
}

/// What is needed to make a call.
struct Prepared {
    hub: Arc<Hub>,
    request: Request,
    /// Who is called, if it isn't whoever has the name.
    instance: Option<PluginRef>,
    options: Options,
    /// Made early only for a cancel handle.
    slot: Option<Arc<Slot>>,
}

/// What can be said about a call or a broadcast.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) timeout: Option<Duration>,
    pub(crate) trace: String,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) admission: Admission,
}

impl Options {
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        let (trace, metadata) = (String::new(), Vec::new());
        Self { timeout, trace, metadata, admission: Admission::Refuse }
    }
}

impl Prepared {
    /// Makes the call.
    fn start(self) -> Result<Running, CallError> {
        let link = match &self.instance {
            None => self.hub.plugin(self.request.plugin()),
            Some(plugin) => self.hub.with_registry(|registry| registry.instance(plugin).cloned()),
        };
        let Some(link) = link else { return Err(self.nobody()) };
        let Self { hub, request, options, slot, .. } = self;
        let charge = hub.charge(request.input_len())?;
        let method = method_number(&link, request.method())?;
        let mut running = Running::start(link, method, request.into_input(), options, slot)?;
        running.charge = Some(charge);
        Ok(running)
    }

    /// Why there is nobody to call.
    #[cold]
    fn nobody(&self) -> CallError {
        if !self.hub.is_serving() {
            return CallError::ShuttingDown;
        }
        match &self.instance {
            None => CallError::NoPlugin { name: self.request.plugin().to_owned() },
            Some(plugin) => match plugin.end() {
                Some(reason) => CallError::Disconnected {
                    stage: Stage::Queued,
                    reason,
                    generation: plugin.generation(),
                },
                // It is one of another hub.
                None => CallError::NoPlugin { name: plugin.name().to_owned() },
            },
        }
    }
}

/// A call that was made.
struct Running {
    link: Arc<PluginLink>,
    id: CallId,
    slot: Arc<Slot>,
    /// The number of the method.
    method: u32,
    /// Room taken for the input, if it is not shared with others.
    charge: Option<Charge>,
}

impl Running {
    /// Makes a call on this connection. Room for the input is taken already.
    fn start(
        link: Arc<PluginLink>,
        method: u32,
        payload: Bytes,
        options: Options,
        slot: Option<Arc<Slot>>,
    ) -> Result<Self, CallError> {
        let has_handle = slot.is_some();
        let slot = slot.unwrap_or_default();
        if has_handle && slot.is_cancelled() {
            return Err(CallError::Cancelled { stage: Stage::Queued });
        }
        let now = brpc_io::now();
        let Options { timeout, trace, metadata, admission } = options;
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        let call = NewCall { method, payload, deadline, trace, metadata, admission };
        let id = link.start_call(call, slot.clone(), now)?;
        if has_handle {
            slot.set_route(Arc::downgrade(&link), id);
        }
        Ok(Self { link, id, slot, method, charge: None })
    }

    /// The encoded output.
    fn poll(&self, context: &mut Context<'_>) -> Poll<Result<Bytes, CallError>> {
        self.slot.poll(context).map(|settlement| {
            let method = self.link.member().and_then(|member| member.description.name(self.method));
            settlement.into_result(method.unwrap_or_default())
        })
    }
}

/// The number by which a plugin knows a method.
fn method_number(link: &PluginLink, method: &str) -> Result<u32, CallError> {
    let number = link.member().and_then(|member| member.description.method(method));
    number.ok_or_else(|| CallError::MethodNotFound { method: method.to_owned() })
}

impl<T> Call<T> {
    pub(crate) fn new(
        hub: Arc<Hub>,
        request: Result<Request, CallError>,
        instance: Option<PluginRef>,
        options: Options,
    ) -> Self {
        let state = match request {
            Ok(request) => {
                State::Prepared(Prepared { hub, request, instance, options, slot: None })
            }
            Err(error) => State::Refused(error),
        };
        Self { state, output: PhantomData }
    }

    /// Makes a call at once, on this connection; one of many that share their input.
    pub(crate) fn started(
        link: Arc<PluginLink>,
        method: &str,
        input: Bytes,
        options: Options,
    ) -> Self {
        let running = method_number(&link, method)
            .and_then(|method| Running::start(link, method, input, options, None));
        let state = running.map_or_else(State::Refused, State::Running);
        Self { state, output: PhantomData }
    }

    /// One that ends in this error when it is awaited.
    pub(crate) fn refused(error: CallError) -> Self {
        Self { state: State::Refused(error), output: PhantomData }
    }

    /// Gives the call so much time, from its first poll on; `None` for no limit. The default is the
    /// hub's, 30 s if it was not set.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        let timeout = timeout.into();
        self.with(|options| options.timeout = timeout)
    }

    /// Passes a trace id on to the handler, at most 256 bytes.
    pub fn trace(self, trace: impl Into<String>) -> Self {
        let trace = trace.into();
        self.with(|options| options.trace = trace)
    }

    /// Passes a key and a value on to the handler; at most 64 pairs and 8 KiB in all.
    pub fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let pair = (key.into(), value.into());
        self.with(|options| options.metadata.push(pair))
    }

    /// Waits for a place if as many calls are in progress on the connection as may be, in the order
    /// of arrival and up to the deadline. Without it such a call is refused at once with
    /// [`Overloaded`](CallError::Overloaded).
    pub fn queue(self) -> Self {
        self.with(|options| options.admission = Admission::Wait)
    }

    /// A handle that gives the call up from elsewhere; the call then ends in
    /// [`Cancelled`](CallError::Cancelled). To be taken before the call is polled.
    pub fn cancel_handle(&mut self) -> CancelHandle {
        match &mut self.state {
            State::Prepared(prepared) => {
                CancelHandle(prepared.slot.get_or_insert_default().clone())
            }
            // Too late; there is no route to the call, so this one does nothing.
            State::Running(_) | State::Refused(_) | State::Done => CancelHandle(Arc::default()),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        if let State::Prepared(prepared) = &mut self.state {
            change(&mut prepared.options);
        }
        self
    }

    /// The encoded output.
    fn poll_output(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, CallError>> {
        if !matches!(self.state, State::Running(_)) {
            self.state = match std::mem::replace(&mut self.state, State::Done) {
                State::Prepared(prepared) => State::Running(prepared.start()?),
                State::Refused(error) => return Poll::Ready(Err(error)),
                State::Running(_) | State::Done => panic!("a call was polled after it had ended"),
            };
        }
        let State::Running(running) = &self.state else { unreachable!("it was made above") };
        let output = ready!(running.poll(context));
        self.state = State::Done;
        Poll::Ready(output)
    }
}

impl<T: DeserializeOwned> Future for Call<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(self.poll_output(context))?;
        Poll::Ready(
            json::decode(&output)
                .map_err(|error| CallError::InvalidOutput { message: error.to_string() }),
        )
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        if let State::Running(running) = &self.state {
            running.link.cancel(running.id);
        }
    }
}

impl<T> std::fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Prepared(_) => "prepared",
            State::Running(_) => "running",
            State::Refused(_) => "refused",
            State::Done => "done",
        };
        f.debug_struct("Call").field("state", &state).finish_non_exhaustive()
    }
}

/// Gives a call up from elsewhere; made by [`Call::cancel_handle`].
#[derive(Clone, Debug)]
pub struct CancelHandle(Arc<Slot>);

impl CancelHandle {
    /// Gives the call up, if it is not over.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
