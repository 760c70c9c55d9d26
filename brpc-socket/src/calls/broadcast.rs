//! One call to many plugins.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc_core::caller::Target;
use brpc_core::{Admission, CallError, CallErrorKind, Response, Selector};
use brpc_rt::{Charge, Slot};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use serde::de::DeserializeOwned;

use super::call::{Call, Decode, output_and_metadata};
use super::coming::Coming;
use super::running::Running;
use crate::error::NotEnough;
use crate::hub::{Hub, PluginLink};
use crate::outgoing::Outgoing;
use crate::plugin_ref::PluginRef;

/// A call to every plugin that is connected when it is first polled, or to those that
/// [`to`](Self::to) selects; made by [`Socket::broadcast`](crate::Socket::broadcast).
///
/// A stream of plugins and their outcomes, in the order in which these arrive; without plugins it
/// is empty. It yields one outcome for each plugin, at the latest when the deadline passes, unless
/// [`first`](Self::first) or [`quorum`](Self::quorum) ends the stream earlier. Awaited, it returns
/// all of them at once, as [`collect`](Self::collect) does.
///
/// ```no_run
/// # use brpc_socket::Selector;
/// # async fn example(hub: brpc_socket::Socket) {
/// // Whichever of the caches in Europe is the fastest.
/// let caches = Selector::name("cache-*").label("region", "eu").method("get");
/// let cached = hub.broadcast::<String>("get", "page/1").to(caches).first(1).try_collect().await;
/// # }
/// ```
///
/// # Cancel safety
/// Dropping it cancels the calls that are not over, as dropping a [`Call`] does.
#[must_use = "a broadcast does nothing unless it is polled"]
pub struct Broadcast<T> {
    hub: Arc<Hub>,
    /// The call to each plugin, or its method and why it can't be made. `start` fills the plugin in.
    call: Result<Outgoing, (String, CallErrorKind)>,
    /// Which plugins are called.
    selector: Selector,
    /// After how many outputs it ends.
    goal: Goal,
    /// Until a plugin is there to be called, if it waits for one.
    coming: Option<Coming>,
    /// The calls, once they are made.
    round: Option<Round<T>>,
    decode: Decode<T>,
}

/// After how many outputs a broadcast ends.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// When every plugin has an outcome.
    All,
    /// After so many outputs.
    First(usize),
    /// After the outputs of more than half of the plugins that were called.
    Majority,
}

impl Goal {
    /// How many outputs that is, for so many plugins.
    fn wanted(self, asked: usize) -> usize {
        match self {
            Self::All => asked,
            Self::First(outputs) => outputs,
            Self::Majority => asked / 2 + 1,
        }
    }
}

/// The calls of a broadcast.
struct Round<T> {
    /// The calls that are not over.
    calls: FuturesUnordered<PluginCall<T>>,
    /// How many plugins were called.
    asked: usize,
    /// How many outputs end it.
    wanted: usize,
    /// How many outputs there were.
    succeeded: usize,
    /// The charge for the input, once for all.
    charge: Option<Charge>,
}

impl<T> Round<T> {
    /// Cancels the calls that are not over.
    fn give_up(&mut self) {
        self.calls.clear();
        self.charge = None;
    }
}

impl<T> Broadcast<T> {
    pub(crate) fn new(
        hub: Arc<Hub>,
        call: Result<Outgoing, (String, CallErrorKind)>,
        decode: Decode<T>,
    ) -> Self {
        let (selector, goal) = (Selector::all(), Goal::All);
        Self { hub, call, selector, goal, coming: None, round: None, decode }
    }

    /// Calls only the plugins that the selector matches. The last selector that is given counts.
    ///
    /// It also calls plugins without that method, unless the selector has the condition
    /// [`method`](Selector::method).
    pub fn to(mut self, selector: Selector) -> Self {
        self.selector = selector;
        self
    }

    /// Ends the stream after so many outputs. When it yields the last of them, it cancels the calls
    /// that are not over.
    ///
    /// It yields errors as they arrive, but doesn't count them. If fewer plugins succeed, the
    /// stream goes on until each has an outcome, even when it is certain earlier that they are too
    /// few; only [`try_collect`](Self::try_collect) ends then. With 0 no plugin is called. If both
    /// this and [`quorum`](Self::quorum) are given, the last one counts.
    pub fn first(mut self, outputs: usize) -> Self {
        self.goal = Goal::First(outputs);
        self
    }

    /// As [`first`](Self::first), with the outputs of more than half of the called plugins: 2 of 3,
    /// 3 of 4. The plugins are those that are connected, and matched by the selector, when the
    /// broadcast is first polled, however their calls end. Without plugins there is no majority.
    pub fn quorum(mut self) -> Self {
        self.goal = Goal::Majority;
        self
    }

    /// The same broadcast, with the metadata of each answer. See [`Call::response`]. Use this
    /// before the first poll: it cancels calls that are already made.
    pub fn response(self) -> Broadcast<Response<T>>
    where
        T: DeserializeOwned,
    {
        let Self { hub, call, selector, goal, coming, .. } = self;
        Broadcast { hub, call, selector, goal, coming, round: None, decode: output_and_metadata }
    }

    /// The timeout of each call; `None` for none. See [`Call::timeout`].
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        let timeout = timeout.into();
        self.with(|call| call.timeout = timeout)
    }

    /// A trace id for the handlers. See [`Call::trace`].
    pub fn trace(self, trace: impl Into<String>) -> Self {
        let trace = trace.into();
        self.with(|call| call.trace = trace)
    }

    /// A key and a value for the handlers. See [`Call::metadata`].
    pub fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|call| call.metadata.push(key, value))
    }

    /// Waits for a place on connections without a free one. See [`Call::queue`].
    pub fn queue(self) -> Self {
        self.with(|call| call.admission = Admission::Wait)
    }

    /// If no plugin is connected that it would call, waits up to so long for a first one, from the
    /// first poll on. The wait is a part of the [`timeout`](Self::timeout) of the calls. Then it must
    /// be polled in a tokio runtime.
    pub fn wait_for_plugin(mut self, longest: Duration) -> Self {
        self.coming = Some(Coming::new(longest));
        self
    }

    /// Lets each call outlive its connection, for up to so long; `None` for not at all. See
    /// [`Call::resumable`].
    pub fn resumable(self, window: impl Into<Option<Duration>>) -> Self {
        let window = window.into();
        self.with(|call| call.resumable = window)
    }

    fn with(mut self, change: impl FnOnce(&mut Outgoing)) -> Self {
        if let Ok(call) = &mut self.call {
            change(call);
        }
        self
    }
}

impl<T> Broadcast<T> {
    /// The next outcome, with the name of its plugin; `None` after the last one, or after as many
    /// outputs as [`first`](Self::first) or [`quorum`](Self::quorum) wants.
    ///
    /// # Cancel safety
    /// It can be dropped at any time; no outcome is lost.
    pub async fn next(&mut self) -> Option<(String, Result<T, CallError>)> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// All outcomes that the stream yields, errors among them, by the name of the plugin. Empty if
    /// no plugin is connected.
    ///
    /// # Cancel safety
    /// If this future is dropped, the calls are cancelled and outcomes are lost.
    pub async fn collect(mut self) -> BTreeMap<String, Result<T, CallError>> {
        let mut answers = BTreeMap::new();
        while let Some((plugin, answer)) = self.next().await {
            answers.insert(plugin, answer);
        }
        answers
    }

    /// The outputs, by the name of the plugin: as many as [`first`](Self::first) or
    /// [`quorum`](Self::quorum) wants, else those of all called plugins.
    ///
    /// # Errors
    /// If too few plugins succeed. It returns as soon as that is certain, and cancels the calls
    /// that are not over; so without `first` and `quorum` the first error ends it.
    ///
    /// # Cancel safety
    /// If this future is dropped, the calls are cancelled and outcomes are lost.
    pub async fn try_collect(mut self) -> Result<BTreeMap<String, T>, NotEnough<T>> {
        let mut answers = BTreeMap::new();
        poll_fn(|context| self.poll_coming(context)).await;
        loop {
            let round = self.round();
            if round.succeeded + round.calls.len() < round.wanted {
                return Err(NotEnough { asked: round.asked, wanted: round.wanted, answers });
            }
            let Some((plugin, answer)) = self.next().await else { break };
            answers.insert(plugin, answer);
        }
        let output =
            |(plugin, answer): (String, Result<T, CallError>)| Some((plugin, answer.ok()?));
        Ok(answers.into_iter().filter_map(output).collect())
    }

    /// Waits for a plugin to call, if that is wanted.
    fn poll_coming(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(coming) = &mut self.coming {
            let timeout = self.call.as_ref().ok().and_then(|call| call.timeout);
            let waited = ready!(coming.poll(&self.hub, &self.selector, timeout, context));
            self.coming = None;
            if let Ok(call) = &mut self.call {
                call.timeout = timeout.map(|timeout| timeout.saturating_sub(waited));
            }
        }
        Poll::Ready(())
    }

    /// The calls; makes them first if they are not made yet.
    fn round(&mut self) -> &mut Round<T> {
        if self.round.is_none() {
            self.round = Some(self.start());
        }
        self.round.as_mut().expect("it was made above")
    }

    /// Makes one of the calls.
    fn call(&self, link: Arc<PluginLink>, call: Outgoing) -> Call<T> {
        if self.hub.config().middleware.is_empty() {
            // The broadcast is charged for it, but not for its answer.
            let slot = Slot::default().charged(self.hub.budget().clone().hold(0));
            let running = Running::start_on(link, call, slot);
            Call::running(running, self.decode)
        } else {
            Call::passing(self.hub.clone(), call, self.decode)
        }
    }

    /// Makes all calls, each on the connection that the plugin has now. All share one encoded
    /// input.
    fn start(&self) -> Round<T> {
        let links: Vec<Arc<PluginLink>> = match self.goal {
            Goal::First(0) => Vec::new(),
            _ => self
                .hub
                .with_registry(|registry| registry.matching(&self.selector).cloned().collect()),
        };
        let mut charge = None;
        let asked = match &self.call {
            Ok(call) => match self.hub.charge(links.len(), call.input.len()) {
                Ok(charged) => {
                    charge = Some(charged);
                    Ok(call)
                }
                Err(kind) => Err((&call.method, kind)),
            },
            Err((method, kind)) => Err((method, kind.clone())),
        };
        let ask = |link: Arc<PluginLink>| {
            let plugin = link.member()?.plugin.clone();
            let call = match &asked {
                Ok(call) => {
                    let plugin = Target::Instance(plugin.clone());
                    self.call(link, Outgoing { plugin, ..(*call).clone() })
                }
                Err((method, kind)) => {
                    let error = CallError::from(kind.clone());
                    Call::refused(error.named(plugin.name(), method), self.decode)
                }
            };
            Some(PluginCall { plugin, call })
        };
        let calls: FuturesUnordered<_> = links.into_iter().filter_map(ask).collect();
        let asked = calls.len();
        Round { calls, asked, wanted: self.goal.wanted(asked), succeeded: 0, charge }
    }
}

impl<T> Stream for Broadcast<T> {
    type Item = (String, Result<T, CallError>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        ready!(self.poll_coming(context));
        let round = self.round();
        let next = ready!(Pin::new(&mut round.calls).poll_next(context));
        if let Some((_, Ok(_))) = next {
            round.succeeded += 1;
            if round.succeeded == round.wanted {
                round.give_up();
            }
        }
        Poll::Ready(next)
    }
}

impl<T: Send + 'static> IntoFuture for Broadcast<T> {
    type Output = BTreeMap<String, Result<T, CallError>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// As [`collect`](Self::collect).
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.collect())
    }
}

impl<T> std::fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let waiting = self.round.as_ref().map(|round| round.calls.len());
        f.debug_struct("Broadcast").field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// The call to one of the plugins.
struct PluginCall<T> {
    plugin: PluginRef,
    call: Call<T>,
}

impl<T> Future for PluginCall<T> {
    type Output = (String, Result<T, CallError>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.call).poll(context));
        Poll::Ready((self.plugin.name().to_owned(), answer))
    }
}
