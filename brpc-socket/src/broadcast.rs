//! One call to many plugins.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc_core::{Admission, CallError};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use serde::de::DeserializeOwned;

use crate::call::{Call, Options};
use crate::event::PluginRef;
use crate::hub::{Charge, Hub};
use crate::link::PluginLink;
use crate::request::Request;

/// A call to every plugin that is connected when it is first polled; made by
/// [`Socket::broadcast`](crate::Socket::broadcast).
///
/// A stream of plugins and what each answered, as the answers come in; over no plugin it is empty.
/// Each plugin is answered for exactly once, at the latest when the time is over.
///
/// # Cancel safety
/// Dropping it gives up those calls that are not over, as dropping a [`Call`] does.
#[must_use = "a broadcast does nothing unless it is polled"]
pub struct Broadcast<T> {
    hub: Arc<Hub>,
    /// Without the name of a plugin.
    request: Result<Request, CallError>,
    options: Options,
    /// The calls that are not over, once they are made.
    calls: Option<FuturesUnordered<Member<T>>>,
    /// Room taken for the input, once for all.
    charge: Option<Charge>,
}

impl<T> Broadcast<T> {
    pub(crate) fn new(
        hub: Arc<Hub>,
        request: Result<Request, CallError>,
        options: Options,
    ) -> Self {
        Self { hub, request, options, calls: None, charge: None }
    }

    /// Gives each call so much time; `None` for no limit. See [`Call::timeout`].
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = timeout.into();
        self
    }

    /// Passes a trace id on to the handlers. See [`Call::trace`].
    pub fn trace(mut self, trace: impl Into<String>) -> Self {
        self.options.trace = trace.into();
        self
    }

    /// Passes a key and a value on to the handlers. See [`Call::metadata`].
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.metadata.push((key.into(), value.into()));
        self
    }

    /// Waits for a place on connections that have none left. See [`Call::queue`].
    pub fn queue(mut self) -> Self {
        self.options.admission = Admission::Wait;
        self
    }
}

impl<T: DeserializeOwned> Broadcast<T> {
    /// The next answer, with the name of its plugin; `None` when all are in.
    ///
    /// # Cancel safety
    /// It can be dropped at any time and no answer is lost.
    pub async fn next(&mut self) -> Option<(String, Result<T, CallError>)> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// All answers, by the name of the plugin. Empty if none is connected.
    pub async fn collect(mut self) -> BTreeMap<String, Result<T, CallError>> {
        let mut answers = BTreeMap::new();
        while let Some((plugin, answer)) = self.next().await {
            answers.insert(plugin, answer);
        }
        answers
    }

    /// Makes all calls, each on the connection that the plugin has now. The input is encoded once
    /// and shared by all.
    fn start(&mut self) -> FuturesUnordered<Member<T>> {
        let request = self.request.clone().and_then(|request| {
            self.charge = Some(self.hub.clone().charge(request.input_len())?);
            Ok((request.method().to_owned(), request.into_input()))
        });
        let links: Vec<Arc<PluginLink>> =
            self.hub.with_registry(|registry| registry.plugins().cloned().collect());
        let member = |link: Arc<PluginLink>| {
            let plugin = link.member()?.plugin.clone();
            let call = match &request {
                Ok((method, input)) => {
                    Call::started(link, method, input.clone(), self.options.clone())
                }
                Err(error) => Call::refused(error.clone()),
            };
            Some(Member { plugin, call })
        };
        links.into_iter().filter_map(member).collect()
    }
}

impl<T: DeserializeOwned> Stream for Broadcast<T> {
    type Item = (String, Result<T, CallError>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.calls.is_none() {
            let calls = self.start();
            self.calls = Some(calls);
        }
        match &mut self.calls {
            Some(calls) => Pin::new(calls).poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

impl<T> std::fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let waiting = self.calls.as_ref().map(FuturesUnordered::len);
        f.debug_struct("Broadcast").field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// The call to one of the plugins.
struct Member<T> {
    plugin: PluginRef,
    call: Call<T>,
}

impl<T: DeserializeOwned> Future for Member<T> {
    type Output = (String, Result<T, CallError>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.call).poll(context));
        Poll::Ready((self.plugin.name().to_owned(), answer))
    }
}
