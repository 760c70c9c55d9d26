//! A plugin on one of its connections.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use brpc_core::{DisconnectReason, Identity, Labels, Selector, Wire};
use brpc_proto::{Description, Hello};
use brpc_rt::SharedConnection;

use crate::listener::Source;

/// A plugin on one of its connections. A cheap clone. Two are equal if they are the same connection
/// to the same hub.
#[derive(Clone)]
pub struct PluginRef(Arc<Inner>);

struct Inner {
    name: String,
    version: String,
    labels: Labels,
    wire: Wire,
    /// Where its connection is from, if that is known.
    source: Option<Source>,
    generation: u64,
    /// Who it is, if its hub has found out.
    identity: Option<Arc<Identity>>,
    /// Its connection, as long as there is one.
    connection: Weak<SharedConnection>,
    /// How the connection ended, if it has.
    end: OnceLock<DisconnectReason>,
}

impl PluginRef {
    /// A plugin on the connection with this generation and source.
    pub(crate) fn new(
        name: String,
        hello: &Hello,
        (generation, source): (u64, Option<Source>),
        identity: Option<Arc<Identity>>,
        connection: Weak<SharedConnection>,
    ) -> Self {
        let Hello { wire, version, labels, .. } = hello;
        let (version, labels, end) = (version.clone(), labels.clone(), OnceLock::new());
        let wire = *wire;
        Self(Arc::new(Inner {
            name,
            version,
            labels,
            wire,
            source,
            generation,
            identity,
            connection,
            end,
        }))
    }

    /// The name under which it is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its own version, for people; may be empty.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The wire that it speaks.
    pub fn wire(&self) -> Wire {
        self.0.wire
    }

    /// Where its connection is from: the address that the listener saw, which may be that of a proxy;
    /// the process at the other end of a Unix socket; or [`Source::Local`] for memory. `None` if a
    /// stream was [attached](crate::Socket::attach) without its source.
    pub fn source(&self) -> Option<Source> {
        self.0.source
    }

    /// Who it is, as the hub's [authenticator](crate::Builder::authenticator) has found out; `None` if
    /// the hub has none.
    pub fn identity(&self) -> Option<&Identity> {
        self.0.identity.as_deref()
    }

    /// The value of its label with this key; `None` if it has no such label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.0.labels.get(key)
    }

    /// The keys and values of all its labels, sorted by key.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.labels.iter()
    }

    /// Whether a selector matches it, as a plugin with this description.
    pub(crate) fn is_meant_by(&self, selector: &Selector, description: &Description) -> bool {
        let Inner { name, version, labels, .. } = &*self.0;
        selector.matches(name, version, labels, |method| description.method(method).is_some())
    }

    /// The number of its connection among all that the hub has had; it rises.
    pub fn generation(&self) -> u64 {
        self.0.generation
    }

    /// How long the last [heartbeat](crate::Limits::heartbeat) took to the plugin and back. `None`
    /// before the first one, which an idle connection has after one interval; without heartbeats; and
    /// when the connection has ended.
    pub fn round_trip(&self) -> Option<Duration> {
        self.0.connection.upgrade()?.lock().round_trip()
    }

    /// For how long the plugin has started no handler, though it is connected: something blocks it, as
    /// a method that computes for long and isn't marked `blocking`. As it said in its last
    /// [heartbeat](crate::Limits::heartbeat); `None` if nothing does, and where it can't be known.
    pub fn stuck(&self) -> Option<Duration> {
        self.0.connection.upgrade()?.lock().peer_stuck()
    }

    /// Whether this connection has ended.
    pub fn has_ended(&self) -> bool {
        self.end().is_some()
    }

    /// How this connection ended, if it has.
    pub fn end(&self) -> Option<DisconnectReason> {
        self.0.end.get().copied()
    }

    pub(crate) fn set_ended(&self, reason: DisconnectReason) {
        let _ = self.0.end.set(reason);
    }
}

impl PartialEq for PluginRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PluginRef {}

impl Hash for PluginRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.generation.hash(state);
    }
}

impl fmt::Debug for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginRef")
            .field("name", &self.0.name)
            .field("version", &self.0.version)
            .field("labels", &self.0.labels)
            .field("wire", &self.0.wire)
            .field("source", &self.0.source)
            .field("generation", &self.0.generation)
            .field("identity", &self.identity().map(Identity::name))
            .finish_non_exhaustive()
    }
}
