//! Settings of a hub.

use std::sync::Arc;
use std::time::Duration;

use brpc_core::Limits;

use crate::hub::{Access, Config, Sequencer};
use crate::middleware::{Middleware, Outgoing};
use crate::socket::Socket;

/// Settings of a hub; made by [`Socket::builder`].
#[must_use = "a builder does nothing before `build`"]
#[derive(Clone, Debug, Default)]
pub struct Builder {
    config: Config,
}

impl Socket {
    /// Settings for a hub.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Default for Socket {
    /// A hub with default settings.
    fn default() -> Self {
        Self::builder().build()
    }
}

impl Builder {
    /// The limits of each connection. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// How long a call may take that doesn't say so itself. Default 30 s; `None` for no limit, and
    /// then a call to a plugin that never answers waits until the connection ends.
    pub fn default_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.config.default_timeout = timeout.into();
        self
    }

    /// How many plugins are let in. Default 65,536. Those beyond are refused with the advice to
    /// come back later.
    pub fn max_plugins(mut self, plugins: usize) -> Self {
        self.config.max_plugins = plugins;
        self
    }

    /// How many connections may be in their handshake. Default 1,024. Beyond it, no more are
    /// accepted until one is let in or its time is over; they wait in the system's queue. A listener
    /// needs one of these places while it waits for a connection, so it is to be more than there
    /// are listeners.
    pub fn max_handshakes(mut self, connections: usize) -> Self {
        self.config.max_handshakes = connections.max(1);
        self
    }

    /// How many connections from one address may be in their handshake. Default 64. Those beyond
    /// are closed. Doesn't count for loopback addresses, Unix sockets and in-memory connections.
    pub fn max_handshakes_per_source(mut self, connections: usize) -> Self {
        self.config.max_handshakes_per_source = connections.max(1);
        self
    }

    /// How many bytes the inputs of all calls in progress may have, over all plugins. Default
    /// 256 MiB. A call beyond is refused with [`Overloaded`](crate::CallError::Overloaded).
    pub fn max_input_bytes(mut self, bytes: usize) -> Self {
        self.config.max_input_bytes = bytes;
        self
    }

    /// From where plugins of the native protocol are taken. Default: from anywhere. Those that
    /// aren't taken are told so.
    pub fn native(mut self, access: Access) -> Self {
        self.config.wires.native = access;
        self
    }

    /// From where plugins of the Go package `easysy/brpc` are taken. Default: from this host only,
    /// because their protocol has no way to say who somebody is. Those that aren't taken are told
    /// so.
    #[cfg(feature = "gob")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gob")))]
    pub fn gob(mut self, access: Access) -> Self {
        self.config.wires.gob = access;
        self
    }

    /// How many plugins of the Go package may have said more than 4 KiB of themselves, and up to
    /// 1 MiB, without being let in yet. Default 64. Those beyond are refused with the advice to come
    /// back later. Plugins that say less, and native ones, need no such place.
    #[cfg(feature = "gob")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gob")))]
    pub fn max_gob_introductions(mut self, plugins: usize) -> Self {
        self.config.max_introductions = plugins.max(1);
        self
    }

    /// Lets plugins in whose name is taken: under the name that `next` makes of it, or of what it
    /// made before, up to so many `attempts`. Without a sequencer they are refused.
    pub fn key_sequencer<F>(mut self, next: F, attempts: u32) -> Self
    where
        F: Fn(&str) -> String + Send + Sync + 'static,
    {
        self.config.sequencer = Some(Sequencer { next: Arc::new(next), attempts });
        self
    }

    /// Has each call go through a middleware before it is made. Those that are added first are
    /// outermost: they see a call first, and its outcome last. A call then has to be polled in a
    /// tokio runtime, whose clock ends it.
    pub fn middleware(mut self, middleware: impl Middleware<Outgoing>) -> Self {
        self.config.middleware.push(middleware);
        self
    }

    /// The hub. It serves nothing yet.
    ///
    /// # Panics
    /// If the system has no random numbers, of which the hub needs one.
    pub fn build(self) -> Socket {
        Socket::new(self.config)
    }
}
