//! A plugin that stays connected.

mod control;
mod dialling;
mod schedule;
mod state;
mod staying;

use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use brpc_rt::BoxFuture;
use brpc_rt::serving::{Expecting, Hold, Receiver, Remaining, expect};
use tokio::io::{AsyncRead, AsyncWrite};

use self::control::Control;
use self::dialling::Dialling;
use self::state::Teller;
pub use self::state::{AwayReason, RunState, RunStates};
use self::staying::Staying;
use crate::address::HubAddress;
use crate::backoff::Backoff;
use crate::end::EndReason;
use crate::error::ConnectError;
use crate::handle::{Handle, Stop};
use crate::lasting::Lasting;

/// A plugin that stays connected until it is told to stop; made by
/// [`Plugin::run`](crate::Plugin::run) and [`Plugin::run_over`](crate::Plugin::run_over). Await it.
///
/// It ends
/// - in [`EndReason::Stopped`], when it is told to stop: by [`until`](Self::until) or a
///   [`Handle`];
/// - in [`EndReason::Unplugged`], when the hub tells it to stay away, on a connection or when it dials;
/// - in an error, if another attempt would be in vain ([`ConnectError::is_transient`]): a mistake in
///   the plugin or the address, or a final refusal.
///
/// One that is told to stop waits for the handlers that run on from earlier connections as well
/// ([`OnLoss::Finish`](crate::OnLoss::Finish), `no_cancel`, blocking), up to the end of the grace
/// period; then it cancels those that it can, and ends. In any other case it leaves them to
/// [`Handle::finished`].
///
/// Otherwise it dials again: see [`Backoff`] for when. If the hub says how long to stay away, it
/// waits for that long, and for its own back-off. Names are looked up anew for each attempt, and all
/// addresses of a name are tried, for up to 5 s each.
///
/// Nothing of an old connection reaches a new one, except calls that the hub makes as resumable: their
/// handlers run on when a connection is lost, and answer over the next one. What else it had not sent
/// is lost with it.
///
/// # Panics
/// When awaited outside of a tokio runtime, and in one without sockets or timers (`enable_all`).
///
/// # Cancel safety
/// If its future is dropped, the connection ends soon, as if the process had ended; see
/// [`Session::run`](crate::Session::run).
#[must_use = "the plugin doesn't connect unless it is awaited"]
pub struct Run<R: Receiver> {
    /// The plugin, or its mistake.
    plugin: Result<Lasting<R>, ConnectError>,
    dialling: Dialling<R>,
    backoff: Backoff,
    /// When it is to stop, and how long running calls get then.
    stop: Option<(BoxFuture<()>, Duration)>,
    control: Arc<Control>,
    teller: Teller,
    /// The handlers of all its connections.
    handlers: Remaining,
    open: Open,
}

/// Held as long as it may open another connection: by who waits for its handlers, and by its hook, if
/// there is a plugin.
struct Open(#[expect(dead_code, reason = "held")] (Hold, Option<Expecting>));

impl<R: Receiver> Run<R> {
    pub(crate) fn over_tcp(
        plugin: Result<Lasting<R>, ConnectError>,
        hubs: Vec<HubAddress>,
    ) -> Self {
        Self::new(plugin, Dialling::Tcp(hubs))
    }

    pub(crate) fn over<D, F, S>(plugin: Result<Lasting<R>, ConnectError>, dial: D) -> Self
    where
        D: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::new(plugin, Dialling::own(dial))
    }

    fn new(plugin: Result<Lasting<R>, ConnectError>, dialling: Dialling<R>) -> Self {
        let handlers = Remaining::new();
        let hook = plugin.as_ref().ok().map(|plugin| &plugin.service.hook);
        Self {
            open: Open((handlers.hold(), hook.map(expect))),
            handlers,
            plugin,
            dialling,
            backoff: Backoff::default(),
            stop: None,
            control: Arc::new(Control::new()),
            teller: Teller::new(),
        }
    }

    /// How long it waits before it dials again. Default: [`Backoff::default`].
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Stops when `stop` is ready, as [`Handle::stop`] with this grace period: for programs that end
    /// with a signal; see [`Handle::finished`].
    pub fn until<F>(mut self, stop: F, grace: Duration) -> Self
    where
        F: Future + Send + 'static,
    {
        let stop = async {
            stop.await;
        };
        self.stop = Some((Box::pin(stop), grace));
        self
    }

    /// A handle that stops it from elsewhere, and waits for the handlers that outlive it.
    pub fn handle(&self) -> Handle {
        let control: Arc<dyn Stop> = self.control.clone();
        Handle { link: Arc::downgrade(&control), remaining: self.handlers.clone() }
    }

    /// What it does, from now on: to show it to people, or to wait until it is connected. Each state
    /// is also logged, with `tracing`.
    pub fn states(&self) -> RunStates {
        self.teller.listen()
    }

    /// Runs it until it is stopped or it makes no sense to go on.
    async fn stay(self) -> Result<EndReason, ConnectError> {
        brpc_rt::require_timers();
        let Self { plugin, dialling, backoff, control, teller, handlers, open, stop: _ } = self;
        let plugin = plugin?;
        dialling.check()?;
        let staying = Staying::new(plugin, dialling, control.clone(), teller, handlers.clone());
        let ended = staying.connect(backoff).await;
        // None of its connections starts a handler any more, sends an event or takes an answer.
        drop(open);
        staying.keep_nothing();
        if control.is_stopped() {
            control.finish(&handlers).await;
        }
        ended
    }
}

impl<R: Receiver> IntoFuture for Run<R> {
    type Output = Result<EndReason, ConnectError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        let Some((stop, grace)) = self.stop.take() else { return Box::pin(self.stay()) };
        let handle = self.handle();
        Box::pin(async move {
            let mut staying = pin!(self.stay());
            tokio::select! {
                biased;
                ended = &mut staying => return ended,
                () = stop => handle.stop(grace),
            }
            staying.await
        })
    }
}

impl<R: Receiver> fmt::Debug for Run<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("backoff", &self.backoff).finish_non_exhaustive()
    }
}
