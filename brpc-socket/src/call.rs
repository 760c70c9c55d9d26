//! One call, from the caller's side.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc_core::{Admission, CallError, CallId, NewCall, Stage, json};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hub::{Charge, Hub};
use crate::link::PluginLink;
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
    Prepared(Box<Prepared>),
    /// Made; the outcome will be in the slot.
    Running(Running),
    /// Refused when it was made.
    Refused(CallError),
    /// Over.
    Done,
}

/// What is needed to make a call.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) plugin: String,
    pub(crate) method: Arc<str>,
    /// The encoded input, or why it can't be encoded.
    pub(crate) payload: Result<Bytes, CallError>,
    pub(crate) options: Options,
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

struct Running {
    link: Arc<PluginLink>,
    id: CallId,
    slot: Arc<Slot>,
    method: Arc<str>,
    /// Room taken for the input, if it is not shared with others.
    _charge: Option<Charge>,
}

impl Options {
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        let (trace, metadata) = (String::new(), Vec::new());
        Self { timeout, trace, metadata, admission: Admission::Refuse }
    }
}

impl Prepared {
    pub(crate) fn new(
        hub: Arc<Hub>,
        plugin: String,
        method: Arc<str>,
        payload: Result<Bytes, CallError>,
        options: Options,
    ) -> Self {
        Self { hub, plugin, method, payload, options, slot: None }
    }

    /// Makes the call, to the plugin that has the name now.
    fn start(self) -> Result<Running, CallError> {
        let Some(link) = self.hub.plugin(&self.plugin) else {
            return Err(if self.hub.is_serving() {
                CallError::NoPlugin { name: self.plugin }
            } else {
                CallError::ShuttingDown
            });
        };
        let charge = match &self.payload {
            Ok(payload) => Some(self.hub.charge(payload.len())?),
            Err(_) => None,
        };
        self.start_on(link, charge)
    }

    /// Makes the call, on this connection. Room for the input is taken already.
    fn start_on(self, link: Arc<PluginLink>, charge: Option<Charge>) -> Result<Running, CallError> {
        let Self { method, payload, options, slot, .. } = self;
        let payload = payload?;
        let number = link.member().and_then(|member| member.description.method(&method));
        let Some(number) = number else {
            return Err(CallError::MethodNotFound { method: (*method).to_owned() });
        };
        let has_handle = slot.is_some();
        let slot = slot.unwrap_or_default();
        if has_handle && slot.is_cancelled() {
            return Err(CallError::Cancelled { stage: Stage::Queued });
        }
        let deadline = options.timeout.and_then(|timeout| brpc_io::now().checked_add(timeout));
        let call = NewCall {
            method: number,
            payload,
            deadline,
            trace: options.trace,
            metadata: options.metadata,
            admission: options.admission,
        };
        let id = link.start_call(call, slot.clone())?;
        if has_handle {
            slot.set_route(Arc::downgrade(&link), id);
        }
        Ok(Running { link, id, slot, method, _charge: charge })
    }
}

/// The encoded input of a call, or why it can't be encoded.
pub(crate) fn encode_input<I: Serialize + ?Sized>(input: &I) -> Result<Bytes, CallError> {
    json::encode(input)
        .map_err(|error| CallError::InvalidInput { path: error.path, message: error.message })
}

impl<T> Call<T> {
    pub(crate) fn new(prepared: Prepared) -> Self {
        Self { state: State::Prepared(Box::new(prepared)), output: PhantomData }
    }

    /// Makes a call at once, on this connection; one of many that share their input.
    pub(crate) fn started(prepared: Prepared, link: Arc<PluginLink>) -> Self {
        let state = prepared.start_on(link, None).map_or_else(State::Refused, State::Running);
        Self { state, output: PhantomData }
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
        // Until it is put back, nothing is left to be given up.
        let running = match std::mem::replace(&mut self.state, State::Done) {
            State::Prepared(prepared) => prepared.start()?,
            State::Running(running) => running,
            State::Refused(error) => return Poll::Ready(Err(error)),
            State::Done => panic!("a call was polled after it had ended"),
        };
        match running.slot.poll(context) {
            Poll::Ready(settlement) => Poll::Ready(settlement.into_result(&running.method)),
            Poll::Pending => {
                self.state = State::Running(running);
                Poll::Pending
            }
        }
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
