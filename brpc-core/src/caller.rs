//! An abstraction over what calls methods of plugins: a hub, or its stand-in in a test.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CallError, PluginInfo, Selector};

/// Calls methods of plugins. The hub's `Socket` is a caller.
///
/// Typed clients are generic over it, so that a crate that declares an interface doesn't depend on
/// a hub.
pub trait Caller: Clone {
    /// A plugin on one of its connections.
    type Plugin: Clone;

    /// A call that is made when it is awaited.
    type Call<T>: Future<Output = Result<T, CallError>> + CallOptions;

    /// A call to many plugins: a stream of their names and outcomes.
    type Broadcast<T>: Stream<Item = (String, Result<T, CallError>)> + CallOptions;

    /// Calls a method of a plugin.
    fn call<T, I>(&self, plugin: &Target<Self::Plugin>, method: &str, input: &I) -> Self::Call<T>
    where
        T: DeserializeOwned,
        I: Serialize + ?Sized;

    /// Calls a method of every connected plugin that the selector matches.
    fn broadcast<T, I>(&self, plugins: &Selector, method: &str, input: &I) -> Self::Broadcast<T>
    where
        T: DeserializeOwned,
        I: Serialize + ?Sized;

    /// A plugin's description of itself; `None` if it isn't connected.
    fn plugin_info(&self, plugin: &Target<Self::Plugin>) -> Option<PluginInfo>;

    /// The descriptions of all connected plugins that the selector matches, sorted by name.
    fn plugin_infos(&self, plugins: &Selector) -> Vec<PluginInfo>;
}

/// Which plugin is called. `P` is a plugin on one of its connections.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target<P> {
    /// The plugin that has this name when the call is made.
    Name(Arc<str>),
    /// This plugin on its connection, and no later plugin of the same name.
    Instance(P),
}

/// What to do with a call when the limit of calls in flight is reached.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Admission {
    /// Refuse it at once.
    #[default]
    Refuse,
    /// Let it wait for a place, in the order of arrival.
    Wait,
}

/// Options of a call that is not made yet.
pub trait CallOptions: Sized {
    /// Sets the call's timeout; `None` for no deadline.
    #[must_use]
    fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self;

    /// Passes a trace id on to the handler, at most 256 bytes.
    #[must_use]
    fn trace(self, trace: impl Into<String>) -> Self;

    /// Passes a key and a value on to the handler; at most 64 pairs and 8 KiB in all.
    #[must_use]
    fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self;

    /// Waits for a place, if the connection's limit of calls in flight is reached.
    #[must_use]
    fn queue(self) -> Self;

    /// Waits up to so long for a plugin, if none is connected.
    #[must_use]
    fn wait_for_plugin(self, longest: Duration) -> Self;

    /// Lets the call go on over the plugin's next connection, up to so long after the loss of one;
    /// `None` for not at all.
    #[must_use]
    fn resumable(self, window: impl Into<Option<Duration>>) -> Self;
}
