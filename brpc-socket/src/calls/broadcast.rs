//! One call to many plugins.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc_core::caller::Target;
use brpc_core::{Admission, CallError, Response, Selector};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use serde::de::DeserializeOwned;

use super::call::{Call, Decode, output_and_metadata};
use super::running::Running;
use crate::error::NotEnough;
use crate::hub::{Charge, Hub, PluginLink};
use crate::outgoing::Outgoing;
use crate::plugin_ref::PluginRef;

/// A call to every plugin that is connected when it is first polled, or to those of them that
/// [`to`](Self::to) says; made by [`Socket::broadcast`](crate::Socket::broadcast).
///
/// A stream of plugins and what each answered, as the answers come in; over no plugin it is empty.
/// Each plugin is answered for at most once, at the latest when the time is over: exactly once,
/// unless [`first`](Self::first) or [`quorum`](Self::quorum) ends the stream before. Awaited, it gives
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
/// Dropping it gives up those calls that are not over, as dropping a [`Call`] does.
#[must_use = "a broadcast does nothing unless it is polled"]
pub struct Broadcast<T> {
    hub: Arc<Hub>,
    /// What each plugin is asked, or why that can't be said. For whom it is, is filled in.
    call: Result<Outgoing, CallError>,
    /// Which plugins are asked.
    selector: Selector,
    /// After how many outputs it ends.
    goal: Goal,
    /// The calls, once they are made.
    round: Option<Round<T>>,
    decode: Decode<T>,
}

/// After how many outputs a broadcast ends.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// When each plugin is answered for.
    All,
    /// After so many.
    First(usize),
    /// After those of more than half of the plugins that were asked.
    Majority,
}

impl Goal {
    /// How many that is, of so many plugins.
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
    /// Those that are not over.
    calls: FuturesUnordered<PluginCall<T>>,
    /// How many plugins were asked.
    asked: usize,
    /// How many outputs end it.
    wanted: usize,
    /// How many outputs there were.
    succeeded: usize,
    /// Room taken for the input, once for all.
    charge: Option<Charge>,
}

impl<T> Round<T> {
    /// Gives up what is not over.
    fn give_up(&mut self) {
        self.calls.clear();
        self.charge = None;
    }
}

impl<T> Broadcast<T> {
    pub(crate) fn new(hub: Arc<Hub>, call: Result<Outgoing, CallError>, decode: Decode<T>) -> Self {
        let (selector, goal) = (Selector::all(), Goal::All);
        Self { hub, call, selector, goal, round: None, decode }
    }

    /// Asks only those of the plugins that a selector means. The last one that is given counts.
    ///
    /// A plugin that has no such method is asked all the same, unless the selector has the
    /// condition [`method`](Selector::method).
    pub fn to(mut self, selector: Selector) -> Self {
        self.selector = selector;
        self
    }

    /// Ends the stream after so many outputs. Calls that are not over by then are given up: their
    /// plugins are told when the last of the outputs is yielded.
    ///
    /// Errors are yielded as they come and don't count. If fewer plugins succeed, the stream goes on
    /// until each is answered for, though it may be certain before that they are too few; only
    /// [`try_collect`](Self::try_collect) ends then. With 0 nobody is asked. Of this and
    /// [`quorum`](Self::quorum) the last one that is asked for counts.
    pub fn first(mut self, outputs: usize) -> Self {
        self.goal = Goal::First(outputs);
        self
    }

    /// As [`first`](Self::first), with as many outputs as make more than half of the plugins that
    /// are asked: 2 of 3, 3 of 4. Those count that are connected, and meant by the selector, when it
    /// is first polled, whatever comes of their calls; of none there is no majority.
    pub fn quorum(mut self) -> Self {
        self.goal = Goal::Majority;
        self
    }

    /// The same broadcast, with what each plugin sends along with its output. See
    /// [`Call::response`]. To be said before it is polled: calls that were made before are given up.
    pub fn response(self) -> Broadcast<Response<T>>
    where
        T: DeserializeOwned,
    {
        let Self { hub, call, selector, goal, .. } = self;
        Broadcast { hub, call, selector, goal, round: None, decode: output_and_metadata }
    }

    /// Gives each call so much time; `None` for no limit. See [`Call::timeout`].
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        let timeout = timeout.into();
        self.with(|call| call.timeout = timeout)
    }

    /// Passes a trace id on to the handlers. See [`Call::trace`].
    pub fn trace(self, trace: impl Into<String>) -> Self {
        let trace = trace.into();
        self.with(|call| call.trace = trace)
    }

    /// Passes a key and a value on to the handlers. See [`Call::metadata`].
    pub fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|call| call.metadata.push(key, value))
    }

    /// Waits for a place on connections that have none left. See [`Call::queue`].
    pub fn queue(self) -> Self {
        self.with(|call| call.admission = Admission::Wait)
    }

    fn with(mut self, change: impl FnOnce(&mut Outgoing)) -> Self {
        if let Ok(call) = &mut self.call {
            change(call);
        }
        self
    }
}

impl<T> Broadcast<T> {
    /// The next answer, with the name of its plugin; `None` when all are in, or as many as
    /// [`first`](Self::first) or [`quorum`](Self::quorum) asks for.
    ///
    /// # Cancel safety
    /// It can be dropped at any time and no answer is lost.
    pub async fn next(&mut self) -> Option<(String, Result<T, CallError>)> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// All answers that the stream yields, errors among them, by the name of the plugin. Empty if
    /// none is connected.
    ///
    /// # Cancel safety
    /// Dropped, the calls are given up and answers are lost.
    pub async fn collect(mut self) -> BTreeMap<String, Result<T, CallError>> {
        let mut answers = BTreeMap::new();
        while let Some((plugin, answer)) = self.next().await {
            answers.insert(plugin, answer);
        }
        answers
    }

    /// The outputs, by the name of the plugin: as many as [`first`](Self::first) or
    /// [`quorum`](Self::quorum) asks for, else those of all plugins that are asked.
    ///
    /// # Errors
    /// If so many plugins don't succeed. It returns as soon as that is certain, and gives up the
    /// calls that are not over; so without `first` and `quorum` the first error ends it.
    ///
    /// # Cancel safety
    /// Dropped, the calls are given up and answers are lost.
    pub async fn try_collect(mut self) -> Result<BTreeMap<String, T>, NotEnough<T>> {
        let mut answers = BTreeMap::new();
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

    /// The calls, which are made now if they are not yet.
    fn round(&mut self) -> &mut Round<T> {
        if self.round.is_none() {
            self.round = Some(self.start());
        }
        self.round.as_mut().expect("it was made above")
    }

    /// Makes one of the calls.
    fn call(&self, link: Arc<PluginLink>, call: Outgoing) -> Call<T> {
        if self.hub.config().middleware.is_empty() {
            Call::running(Running::start_on(link, call, Arc::default(), None), self.decode)
        } else {
            Call::passing(self.hub.clone(), call, self.decode)
        }
    }

    /// Makes all calls, each on the connection that the plugin has now. The input is encoded once
    /// and shared by all.
    fn start(&self) -> Round<T> {
        let mut charge = None;
        let asked = self.call.as_ref().map_err(CallError::clone).and_then(|call| {
            charge = Some(self.hub.clone().charge(call.input.len())?);
            Ok(call)
        });
        let links: Vec<Arc<PluginLink>> = match self.goal {
            Goal::First(0) => Vec::new(),
            _ => self
                .hub
                .with_registry(|registry| registry.matching(&self.selector).cloned().collect()),
        };
        let ask = |link: Arc<PluginLink>| {
            let plugin = link.member()?.plugin.clone();
            let call = match &asked {
                Ok(call) => {
                    let plugin = Target::Instance(plugin.clone());
                    self.call(link, Outgoing { plugin, ..(*call).clone() })
                }
                Err(error) => Call::refused(error.clone(), self.decode),
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
