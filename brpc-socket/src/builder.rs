//! Settings of a hub.

use std::sync::Arc;
use std::time::Duration;

use brpc_core::Limits;

use crate::auth::Authenticator;
use crate::hub::{Access, Config, Counted, Sequencer, Takeover};
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
    /// The limits of each connection. Default: [`Limits::default`]. [`build`](Self::build) panics if
    /// one is out of its range; [`Limits::check`] returns that as an error, for limits that come from
    /// a configuration.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// The timeout of a call that sets none. Default 30 s; `None` for no timeout, and then a call
    /// that a plugin never answers waits until the connection ends.
    pub fn default_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.config.default_timeout = timeout.into();
        self
    }

    /// For how long calls outlive their connections, unless [`Call::resumable`](crate::Call::resumable)
    /// says so of a call. Default: not at all. It doesn't apply to broadcasts.
    pub fn resumable(mut self, window: impl Into<Option<Duration>>) -> Self {
        self.config.resumable = window.into();
        self
    }

    /// The most plugins that the hub registers. Default 65,536. It refuses those beyond, and tells
    /// them to retry later.
    pub fn max_plugins(mut self, plugins: usize) -> Self {
        self.config.max_plugins = plugins;
        self
    }

    /// The most connections that may be in their handshake. Default 1,024. At this limit the next one
    /// takes the place of the one that has kept the hub waiting for longest: first of those that have
    /// not said Hello, then of those that have not sent their description. That one is refused. If
    /// the hub waits for none of them, the next one waits. Each listener holds one connection more
    /// while that waits.
    pub fn max_handshakes(mut self, connections: usize) -> Self {
        self.config.max_handshakes = connections;
        self
    }

    /// The most connections from one address that may be in their handshake; of IPv6, from one network
    /// of 64 bits. Default 64. At this limit one of the same address makes room, as above; if none can,
    /// the hub closes the next one. Those from this host (loopback addresses, Unix sockets, memory)
    /// count only with [`count_this_host`](Self::count_this_host).
    pub fn max_handshakes_per_source(mut self, connections: usize) -> Self {
        self.config.max_handshakes_per_source = connections;
        self
    }

    /// Counts this host as one address like others: for the most handshakes from it, and for failed
    /// attempts to [authenticate](Self::authenticator). For a hub behind a proxy on the same host, or on
    /// a host whose users don't trust each other. Default: connections from this host have no limit of
    /// their own.
    pub fn count_this_host(mut self) -> Self {
        self.config.counted = Counted::All;
        self
    }

    /// Asks who each plugin is before it is let in, and binds names to that; see [`auth`](crate::auth).
    /// Default: nobody is asked, and whoever reaches the hub can be a plugin of any name. Streams that
    /// are [attached](crate::Socket::attach) are asked as well.
    ///
    /// A source from which an attempt has failed is not asked again for a second, and twice as long
    /// after each further one, up to five minutes; its plugins are refused meanwhile as
    /// [`TooManyAttempts`](crate::RefusalCode::TooManyAttempts). Sources are counted as for
    /// [`max_handshakes_per_source`](Self::max_handshakes_per_source); the hub remembers the last
    /// 10,000 of them.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.config.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// The most bytes of descriptions that the hub holds for all plugins in their handshake, beside
    /// 5 KiB for each of them. Default 8 MiB; a description has 1 MiB at most. At this limit the
    /// others wait, and a plugin that takes longer than half a second meanwhile is refused, and told
    /// to retry later.
    pub fn max_description_bytes(mut self, bytes: usize) -> Self {
        self.config.max_description_bytes = bytes;
        self
    }

    /// The most bytes that the hub holds for all callers and subscribers together: for calls in
    /// progress, with their inputs, for answers that their callers have not taken yet, and for unread
    /// events; what each takes beside its payload is counted. Default 256 MiB. The hub refuses a call
    /// beyond with [`Overloaded`](crate::CallErrorKind::Overloaded), unless it holds nothing else.
    ///
    /// Answers and events are not refused: what is sent already has its own limits, of the connection
    /// and of the subscriber. But while the hub holds all that it may, a subscriber that drops events
    /// keeps a sixteenth of what it keeps else. [`Socket::held_bytes`] says how many bytes there are.
    pub fn max_held_bytes(mut self, bytes: usize) -> Self {
        self.config.max_held_bytes = bytes;
        self
    }

    /// From where the hub accepts plugins of the native protocol. Default: from anywhere. It
    /// refuses others with the reason.
    pub fn native(mut self, access: Access) -> Self {
        self.config.wires.native = access;
        self
    }

    /// From where the hub accepts plugins of the Go package `easysy/brpc`. Default: from this host
    /// only, because their protocol can't authenticate anybody. The hub refuses others with the
    /// reason.
    #[cfg(feature = "gob")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gob")))]
    pub fn gob(mut self, access: Access) -> Self {
        self.config.wires.gob = access;
        self
    }

    /// How long a connection may be silent at first if plugins of the Go package are accepted from
    /// it: a Go program may dial first and have its plugin ready later. Default 30 s; less than
    /// [`Limits::hello_deadline`] is no less than that. From the first bytes on, `hello_deadline`
    /// applies. Then the hub refuses the plugin with the reason.
    ///
    /// Nothing tells a silent Go program from another peer, so this applies to every peer where Go
    /// plugins are accepted.
    #[cfg(feature = "gob")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gob")))]
    pub fn gob_silence(mut self, longest: Duration) -> Self {
        self.config.wires.gob_silence = longest;
        self
    }

    /// Speaks TLS, with these settings: on TCP listeners it is demanded then, unless a listener
    /// [says otherwise](crate::Listener::with_encryption).
    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
    pub fn tls(mut self, tls: crate::tls::ServerTls) -> Self {
        self.config.tls = Some(tls);
        self
    }

    /// Serves listeners that other hosts can reach though the hub neither encrypts nor authenticates:
    /// whoever reaches the port can then be a plugin, and whoever is on the way can read and change
    /// what is said. Without this the hub serves none of them, and says so
    /// ([`ServeError::Insecure`](crate::ServeError::Insecure)).
    pub fn allow_insecure(mut self) -> Self {
        self.config.allow_insecure = true;
        self
    }

    /// Who gets a name that another connection has. Default: [`Takeover::SameInstance`].
    pub fn takeover(mut self, takeover: Takeover) -> Self {
        self.config.takeover = takeover;
        self
    }

    /// If a plugin's name is taken, and it doesn't get it by a [`takeover`](Self::takeover), registers the plugin under another one: `next` makes it from
    /// the taken name, and from its own result if that is taken too, up to so many `attempts`.
    /// Without a sequencer the hub refuses the plugin, and so it does if the sequencer panics.
    pub fn key_sequencer<F>(mut self, next: F, attempts: u32) -> Self
    where
        F: Fn(&str) -> String + Send + Sync + 'static,
    {
        self.config.sequencer = Some(Sequencer { next: Arc::new(next), attempts });
        self
    }

    /// Adds middleware that each call passes before it is made. The first one added is outermost:
    /// it sees a call first, and its outcome last. Calls must then be polled in a tokio runtime,
    /// whose clock enforces their deadlines.
    pub fn middleware(mut self, middleware: impl Middleware<Outgoing>) -> Self {
        self.config.middleware.push(middleware);
        self
    }

    /// Builds the hub. It serves nothing yet.
    ///
    /// # Panics
    /// If a limit is out of its range (see [`Limits::check`]), if the most handshakes, handshakes per
    /// source or bytes of descriptions are 0, or if the system provides no random numbers; the hub
    /// needs one.
    #[track_caller]
    pub fn build(self) -> Socket {
        if let Err(error) = self.config.limits.check() {
            panic!("a hub can't have these limits: {error}");
        }
        for (most, setting) in [
            (self.config.max_handshakes, "max_handshakes"),
            (self.config.max_handshakes_per_source, "max_handshakes_per_source"),
            (self.config.max_description_bytes, "max_description_bytes"),
        ] {
            assert!(most > 0, "{setting} is 0; expected at least 1");
        }
        Socket::new(self.config)
    }
}
