//! Who calls methods of plugins, apart from what does it: a hub, or what stands for one in a test.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CallError, PluginInfo, Selector};

/// Something through which methods of plugins are called. The hub's `Socket` is one.
///
/// Typed clients are generic over it, so that those who declare an interface depend on no hub.
pub trait Caller: Clone {
    /// A plugin on one of its connections.
    type Plugin: Clone;

    /// A call that is made when it is awaited.
    type Call<T>: Future<Output = Result<T, CallError>> + CallOptions;

    /// A call to many plugins: a stream of their names and what each answered.
    type Broadcast<T>: Stream<Item = (String, Result<T, CallError>)> + CallOptions;

    /// Calls a method of a plugin.
    fn call<T, I>(&self, plugin: &Target<Self::Plugin>, method: &str, input: &I) -> Self::Call<T>
    where
        T: DeserializeOwned,
        I: Serialize + ?Sized;

    /// Calls a method of every plugin that is connected and meant.
    fn broadcast<T, I>(&self, plugins: &Selector, method: &str, input: &I) -> Self::Broadcast<T>
    where
        T: DeserializeOwned,
        I: Serialize + ?Sized;

    /// What a plugin says of itself; `None` if it isn't connected.
    fn plugin_info(&self, plugin: &Target<Self::Plugin>) -> Option<PluginInfo>;

    /// What every plugin says of itself that is connected and meant, sorted by name.
    fn plugin_infos(&self, plugins: &Selector) -> Vec<PluginInfo>;
}

/// Which plugin is called. `P` is a plugin on one of its connections.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target<P> {
    /// Whoever has this name when the call is made.
    Name(Arc<str>),
    /// This one, on its connection, and nobody who has its name later.
    Instance(P),
}

/// What to do with a call when as many are in progress as may be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Admission {
    /// Refuse it at once.
    Refuse,
    /// Let it wait for a place, in the order of arrival.
    Wait,
}

/// What can be said about a call that is not made yet.
pub trait CallOptions: Sized {
    /// Gives it so much time; `None` for no limit.
    #[must_use]
    fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self;

    /// Passes a trace id on to the handler, at most 256 bytes.
    #[must_use]
    fn trace(self, trace: impl Into<String>) -> Self;

    /// Passes a key and a value on to the handler; at most 64 pairs and 8 KiB in all.
    #[must_use]
    fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self;

    /// Waits for a place, if as many calls are in progress on the connection as may be.
    #[must_use]
    fn queue(self) -> Self;
}
