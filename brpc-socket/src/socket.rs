//! The hub's handle.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brpc_core::caller::Target;
use brpc_core::{CallErrorKind, DisconnectReason, PluginInfo, Selector};
use brpc_proto::json;
use brpc_rt::foreign::contain;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::calls::{Broadcast, Call, Request, invalid_input, output};
use crate::connection::{Serving, attach, serve};
use crate::drain::{Shutdown, Unplug};
use crate::encryption::Encryption;
use crate::error::WaitError;
use crate::events::Events;
use crate::hub::{Config, Hub, Presence, Refusals, Registry, Strangers, Unfinished, members};
use crate::listener::{Listener, Source};
use crate::outgoing::{Options, Outgoing};
use crate::plugin_ref::PluginRef;
use crate::wait;

/// A hub. Plugins dial in to it, and it calls methods on them. A cheap clone.
///
/// When the last clone is dropped, the hub ends at once: it closes its listeners and connections,
/// and every call in progress ends in [`Disconnected`](crate::CallErrorKind::Disconnected). To let
/// plugins finish, [`shutdown`](Self::shutdown) first.
#[derive(Clone)]
pub struct Socket {
    handle: Arc<LastHandle>,
}

/// Ends the hub when its last handle is dropped.
struct LastHandle {
    hub: Arc<Hub>,
}

impl Drop for LastHandle {
    fn drop(&mut self) {
        self.hub.abort();
    }
}

impl Socket {
    pub(crate) fn new(config: Config) -> Self {
        Self { handle: Arc::new(LastHandle { hub: Arc::new(Hub::new(config)) }) }
    }

    /// A call with the hub's default timeout, for middleware or for many plugins.
    pub(crate) fn outgoing_to(
        &self,
        plugin: &str,
        method: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Result<Outgoing, CallErrorKind> {
        let input = json::encode(input).map_err(invalid_input)?;
        let timeout = self.hub().config().default_timeout;
        let options = Options { timeout, ..Options::default() };
        let plugin = Target::Name(plugin.into());
        Ok(Outgoing::new(plugin, method.to_owned(), input, options))
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.handle.hub
    }

    /// Accepts plugins that dial in to a listener, until the hub shuts down. Can be called for
    /// several listeners, and again after a shutdown.
    ///
    /// It goes on after an error of one connection, and after one that passes, such as too many
    /// open files; see [`Listener::accept`].
    ///
    /// When the hub has closed a Unix socket that this process made, it removes its path, unless
    /// somebody else has put a file there since.
    ///
    /// # Panics
    /// Outside of a tokio runtime, and in one without timers (`enable_time`).
    #[track_caller]
    pub fn serve<L: Listener>(&self, listener: L) -> Serving {
        serve(self.hub(), listener)
    }

    /// Accepts the plugin at the other end of an existing connection, with TLS or without if the hub has
    /// settings for it. While the hub shuts down it refuses the plugin; afterwards the hub serves again.
    ///
    /// # Panics
    /// Outside of a tokio runtime, and in one without timers (`enable_time`).
    #[track_caller]
    pub fn attach<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // If the hub is shutting down, it refuses the plugin and says why.
        let _ = self.hub().start_serving();
        attach(self.hub(), stream, None, self.hub().config().encrypts(Encryption::Allowed), None);
    }

    /// As [`attach`](Self::attach), for a connection whose source is known: a wire that the hub
    /// accepts from this host only (see [`Access`](crate::Access)) is then accepted from there.
    ///
    /// # Panics
    /// Outside of a tokio runtime, and in one without timers (`enable_time`).
    #[track_caller]
    pub fn attach_from<S>(&self, stream: S, source: Source)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let _ = self.hub().start_serving();
        attach(
            self.hub(),
            stream,
            Some(source),
            self.hub().config().encrypts(Encryption::Allowed),
            None,
        );
    }

    /// How many bytes the hub holds for all callers and subscribers: what
    /// [`max_held_bytes`](crate::Builder::max_held_bytes) limits.
    pub fn held_bytes(&self) -> usize {
        self.hub().budget().used()
    }

    /// Calls a method of a plugin. Encodes the input at once; all else happens when the call is
    /// awaited. Pass `()` to a method that takes no input.
    ///
    /// The caller chooses the type of the output: [`serde_json::Value`] accepts any JSON, and
    /// `Box<`[`RawValue`](serde_json::value::RawValue)`>` keeps it undecoded, to pass it on. 64-bit
    /// integers arrive unchanged.
    ///
    /// ```no_run
    /// # async fn example(hub: brpc_socket::Socket) -> Result<(), brpc_socket::CallError> {
    /// let sum: i64 = hub.call("calculator", "add", &serde_json::json!({"a": 1, "b": 2})).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`CallError`](crate::CallError); its [`execution`](crate::CallError::execution) says
    /// whether the method ran.
    pub fn call<T: DeserializeOwned>(
        &self,
        plugin: &str,
        method: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Call<T> {
        Call::new(self.hub().clone(), Request::encode(plugin, method, input), None, output)
    }

    /// As [`call`](Self::call), for this plugin on its connection: once that has ended, the call
    /// ends in [`Disconnected`](crate::CallErrorKind::Disconnected), even if another plugin has the
    /// name.
    pub fn call_instance<T: DeserializeOwned>(
        &self,
        plugin: &PluginRef,
        method: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Call<T> {
        let instance = Some(plugin.clone());
        Call::new(
            self.hub().clone(),
            Request::encode(plugin.name(), method, input),
            instance,
            output,
        )
    }

    /// Calls a method of every connected plugin, or of those that [`to`](Broadcast::to) selects.
    /// The outcome for a plugin without that method is
    /// [`MethodNotFound`](crate::CallErrorKind::MethodNotFound). A broadcast waits for all plugins,
    /// unless it has [`first`](Broadcast::first) or [`quorum`](Broadcast::quorum).
    ///
    /// ```no_run
    /// # async fn example(hub: brpc_socket::Socket) {
    /// let mut loads = hub.broadcast::<f64>("load", &());
    /// while let Some((plugin, load)) = loads.next().await {
    ///     match load {
    ///         Ok(load) => println!("{plugin}: {load}"),
    ///         Err(error) => println!("{plugin}: {error}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn broadcast<T: DeserializeOwned>(
        &self,
        method: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Broadcast<T> {
        // `start` fills the plugin in for each call.
        let call = self.outgoing_to("", method, input).map_err(|kind| (method.to_owned(), kind));
        Broadcast::new(self.hub().clone(), call, output)
    }

    /// Subscribes to what happens: plugins that connect and disconnect, and the events that they
    /// send. Any number of subscribers receive every event, each at its own pace.
    ///
    /// ```no_run
    /// # use brpc_socket::Event;
    /// # async fn example(hub: brpc_socket::Socket) {
    /// let mut events = hub.events();
    /// while let Some(event) = events.next().await {
    ///     match event {
    ///         Event::Message(message) => println!("{}: {:?}", message.plugin().name(), message.payload()),
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn events(&self) -> Events {
        Events::of(self.hub().bus())
    }

    /// Waits until a plugin of this name is connected; returns at once if one is.
    ///
    /// # Errors
    /// If the timeout is over, or the hub shuts down.
    ///
    /// # Cancel safety
    /// It can be dropped at any time.
    pub async fn wait_for(&self, name: &str, timeout: Duration) -> Result<(), WaitError> {
        self.wait_for_all([name], timeout).await
    }

    /// Waits until plugins of all these names are connected at the same moment.
    ///
    /// # Errors
    /// If the timeout is over, with the missing names; or if the hub shuts down.
    ///
    /// # Cancel safety
    /// It can be dropped at any time.
    pub async fn wait_for_all<N>(&self, names: N, timeout: Duration) -> Result<(), WaitError>
    where
        N: IntoIterator,
        N::Item: AsRef<str>,
    {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        wait::wait_for_all(self.hub(), &names, timeout).await
    }

    /// Waits until so many plugins that the selector matches are connected at the same moment;
    /// returns at once if they are, or if the count is 0. Returns all plugins that the selector
    /// matches at that moment, sorted by name, which may be more.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use brpc_socket::Selector;
    /// # async fn example(hub: brpc_socket::Socket) -> Result<(), brpc_socket::WaitError> {
    /// let edges = Selector::name("edge-*").label("region", "eu");
    /// let edges = hub.wait_for_matching(&edges, 3, Duration::from_secs(30)).await?;
    /// println!("the first of {} is {}", edges.len(), edges[0].name());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the timeout is over, with the number of plugins that were connected; or if the hub shuts
    /// down.
    ///
    /// # Cancel safety
    /// It can be dropped at any time.
    pub async fn wait_for_matching(
        &self,
        selector: &Selector,
        count: usize,
        timeout: Duration,
    ) -> Result<Vec<PluginRef>, WaitError> {
        wait::wait_for_matching(self.hub(), selector, count, timeout).await
    }

    /// The connected plugins, sorted by name.
    pub fn connected(&self) -> Vec<PluginRef> {
        self.connected_matching(&Selector::all())
    }

    /// The connected plugins that a selector matches, sorted by name.
    pub fn connected_matching(&self, selector: &Selector) -> Vec<PluginRef> {
        let mut plugins = self.hub().with_registry(|registry| members(registry.matching(selector)));
        plugins.sort_unstable_by(|one, other| one.name().cmp(other.name()));
        plugins
    }

    /// The connected plugins, and those that were connected lately, with the reason why they are
    /// away; sorted by name. Of those that are away the hub keeps the last 1,024.
    pub fn presence(&self) -> Vec<Presence> {
        let mut all: Vec<_> = self.hub().with_registry(|registry| registry.presence().collect());
        all.sort_unstable_by(|one, other| one.plugin().name().cmp(other.plugin().name()));
        all
    }

    /// A connected plugin as it describes itself, with its functions and their schemas; `None` if
    /// no plugin of that name is connected.
    pub fn plugin_info(&self, name: &str) -> Option<PluginInfo> {
        Some(self.hub().plugin(name)?.member()?.info())
    }

    /// The same, for this plugin on its connection.
    pub(crate) fn instance_info(&self, plugin: &PluginRef) -> Option<PluginInfo> {
        let link = self.hub().instance(plugin)?;
        Some(link.member()?.info())
    }

    /// How many connections the hub turned away because of what they speak.
    pub fn strangers(&self) -> Strangers {
        self.hub().strangers().so_far()
    }

    /// How many plugins the hub refused, by why. Those that were refused for what they speak are among
    /// the [strangers](Self::strangers) as well, if that is known.
    pub fn refusals(&self) -> Refusals {
        self.hub().refusals().so_far()
    }

    /// How many connections ended in their handshake and were told nothing, since the hub was created:
    /// those for which there was no place, whose TLS failed, or which went by themselves. Each is logged
    /// at the level of debugging.
    pub fn unfinished(&self) -> Unfinished {
        self.hub().unfinished().so_far()
    }

    /// Asks a plugin to leave: its calls in progress finish, the hub refuses new ones as
    /// [`Draining`](crate::CallErrorKind::Draining), and cuts the plugin off when the grace period is
    /// over.
    ///
    /// Asking twice is the same as asking once, with the shorter grace period.
    ///
    /// The plugin stays away, unless it is told [when to come back](Unplug::retry_after). If it doesn't
    /// leave by itself, it may not have been told: it is away at the moment and was connected lately,
    /// its link breaks before it has left, or it is cut off. Then the hub refuses it when it dials
    /// ([`Unplugged`](crate::RefusalCode::Unplugged)), and `Plugin::run` obeys. That holds for the same
    /// `Plugin` value, and not for another one of that name, such as after a restart of its program;
    /// for the last 1,024 plugins that were unplugged; and not for plugins of the Go package.
    ///
    /// # Errors
    /// If no plugin of that name is connected, or was lately ([`presence`](Self::presence)).
    ///
    /// # Cancel safety
    /// Once this has been polled, the plugin leaves, even if the future is dropped.
    pub fn unplug(&self, name: &str) -> Unplug {
        Unplug::new(self.hub().clone(), Target::Name(name.into()))
    }

    /// As [`unplug`](Self::unplug), for this plugin on its connection only; a later plugin of the
    /// same name stays.
    ///
    /// # Cancel safety
    /// Once this has been polled, the plugin leaves, even if the future is dropped.
    pub fn unplug_instance(&self, plugin: &PluginRef) -> Unplug {
        Unplug::new(self.hub().clone(), Target::Instance(plugin.clone()))
    }

    /// Shuts the hub down: it closes its listeners, asks every plugin to leave as
    /// [`unplug`](Self::unplug) does, and ends the streams of events. Afterwards it can
    /// [`serve`](Self::serve) again.
    ///
    /// Asking twice is the same as asking once, with the shorter grace period; both get the same
    /// report.
    ///
    /// # Cancel safety
    /// Once this has been polled, the hub shuts down, even if the future is dropped.
    ///
    /// # Panics
    /// When polled outside of a tokio runtime.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown::new(self.hub().clone())
    }

    /// Registers a function to call for each plugin that disconnects from now on. It may block. It
    /// runs for one plugin at a time, in the order in which they disconnect, and a panic in it is
    /// contained. If it is more than 1,024 plugins behind, it misses some, which the hub logs. The
    /// hub doesn't wait for it: a program may end before its last call. The hub keeps the function
    /// as long as it lives, so the function must not hold a [`Socket`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[track_caller]
    pub fn on_disconnect<F>(&self, callback: F)
    where
        F: Fn(&PluginRef, DisconnectReason) + Send + Sync + 'static,
    {
        const BACKLOG: usize = 1_024;
        let (sender, mut gone) = mpsc::channel::<(PluginRef, DisconnectReason)>(BACKLOG);
        self.hub().add_listener(sender);
        let callback = Arc::new(callback);
        // Ends with the hub, which holds the sender.
        brpc_rt::spawn(async move {
            while let Some((plugin, reason)) = gone.recv().await {
                let callback = callback.clone();
                let call = move || contain(|| callback(&plugin, reason));
                if let Ok(Err(panic)) = tokio::task::spawn_blocking(call).await {
                    tracing::error!(?panic, "a disconnect callback panicked");
                }
            }
        });
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("connected", &self.hub().with_registry(Registry::names))
            .finish_non_exhaustive()
    }
}
