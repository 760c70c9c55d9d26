//! A plugin that is connected.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc_core::DisconnectReason;
use brpc_proto::Terms;
use brpc_rt::foreign::shielded;
use brpc_rt::serving::Receiver;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::end::EndReason;
use crate::error::ConnectError;
use crate::handle::{Handle, Stop};
use crate::link::{Admittance, Attached, HubLink};

/// A plugin that a hub has registered; made by [`Plugin::connect`](crate::Plugin::connect). It
/// answers calls while [`run`](Self::run) is polled.
#[must_use = "calls are answered only while `run` is polled"]
pub struct Session<R: Receiver> {
    link: Arc<HubLink<R>>,
    /// Moves the connection's bytes, up to its end.
    driver: Driver,
    /// What was agreed with the hub.
    terms: Box<Terms>,
}

impl<R: Receiver> Session<R> {
    /// Sends Hello, and returns when the hub has registered the plugin.
    pub(crate) async fn open<S>(link: HubLink<R>, stream: S) -> Result<Self, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Handlers that answer wake the driver, which is in the user's task until the plugin runs.
        shielded(Self::shake_hands(link, stream)).await
    }

    async fn shake_hands<S>(link: HubLink<R>, stream: S) -> Result<Self, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let link = Arc::new(link);
        let held = Attached(link.clone());
        let mut driver = Driver(Some(Box::pin(async move {
            // Only a hub's stream is ever handed over.
            brpc_rt::drive(&held, stream).await;
        })));
        let admittance = poll_fn(|context| {
            let driving = Pin::new(&mut driver).poll(context);
            match link.admittance() {
                Some(admittance) => Poll::Ready(admittance),
                // The driver has ended, and reported why before.
                None => driving.map(|()| Admittance::default()),
            }
        })
        .await;
        match admittance {
            Admittance::Welcomed(terms) => Ok(Self { link, driver, terms }),
            Admittance::Refused(refusal) => {
                // Closes the connection, which takes a moment and can't fail.
                driver.await;
                Err(ConnectError::Refused(refusal))
            }
            Admittance::Lost(DisconnectReason::SlowSender) => Err(ConnectError::TimedOut),
            Admittance::Lost(reason) => Err(ConnectError::Lost(reason)),
        }
    }

    /// The plugin's name on this hub; another one than it asked for, if that was taken.
    pub fn name(&self) -> &str {
        &self.terms.name
    }

    /// What was agreed with the hub.
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How many events were dropped while the plugin was away.
    pub(crate) fn dropped_events(&self) -> u64 {
        self.link.dropped_events()
    }

    /// A handle that stops the run from elsewhere, and waits for what outlives it.
    pub fn handle(&self) -> Handle {
        let link: Arc<dyn Stop> = self.link.clone();
        Handle { link: Arc::downgrade(&link), remaining: self.link.handlers().remaining() }
    }

    /// Answers calls until the connection ends or the plugin is stopped; returns why.
    ///
    /// It returns when the connection is closed, whatever still runs then: a plugin whose connection
    /// is lost can connect again at once. Handlers are dropped at their next `await`, which is mostly
    /// at once; those marked `no_cancel`, and blocking ones, run to their end, and their outputs are
    /// discarded. [`Handle::finished`] waits for them, as a program does that is about to end.
    ///
    /// A `tracing` span around the run is also around the handlers of its calls.
    ///
    /// # Cancel safety
    /// If this future is dropped, the connection ends soon, as if the process had ended, and
    /// handlers are dropped at their next `await`; those marked `no_cancel`, and blocking ones, run
    /// to their end.
    pub async fn run(self) -> EndReason {
        let Self { link, driver, .. } = self;
        // In a task of its own, because the driver is woken for each read, and the task that awaits
        // the run is often not on a thread of the runtime. If the set is dropped, the task stops.
        let mut driving = JoinSet::new();
        driving.spawn(driver.in_current_span());
        let ended = tokio::select! {
            ended = driving.join_next() => ended,
            () = shielded(link.cut_off()) => {
                // The grace period is over.
                link.cut();
                driving.join_next().await
            }
        };
        if let Some(Err(error)) = ended
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
        link.end_reason()
    }

    /// As [`run`](Self::run), until `stop` is ready; then as [`Handle::stop`] with this grace
    /// period. For programs that end with a signal; see [`Handle::finished`].
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn run_until<F: Future>(self, stop: F, grace: Duration) -> EndReason {
        let handle = self.handle();
        let mut run = pin!(self.run());
        tokio::select! {
            reason = &mut run => return reason,
            _ = stop => handle.stop(grace),
        }
        run.await
    }
}

impl<R: Receiver> fmt::Debug for Session<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("name", &self.terms.name).finish_non_exhaustive()
    }
}

/// Moves a connection's bytes; can be awaited again after its end.
struct Driver(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(driving) = &mut self.0 {
            ready!(driving.as_mut().poll(context));
            self.0 = None;
        }
        Poll::Ready(())
    }
}
