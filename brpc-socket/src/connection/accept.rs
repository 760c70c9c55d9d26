//! Accepts connections, whatever the listener does.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::attached::attach;
use super::own_file::OwnFile;
use crate::encryption::Encryption;
use crate::error::ServeError;
use crate::hub::{Config, Hub, Places, Unsaid};
use crate::listener::{Listener, ListenerClosed};

/// A listener that is being served; made by [`Socket::serve`](crate::Socket::serve). A future that
/// is ready when the hub no longer serves it: `Ok` when the hub shuts down. Dropping it changes
/// nothing.
#[derive(Debug)]
pub struct Serving {
    task: JoinHandle<Result<(), ServeError>>,
}

impl Future for Serving {
    type Output = Result<(), ServeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The task is cancelled only with the runtime.
        Pin::new(&mut self.task).poll(context).map(|ended| ended.unwrap_or(Ok(())))
    }
}

/// Serves a listener in a task of its own.
#[track_caller]
pub(crate) fn serve<L: Listener>(hub: &Arc<Hub>, listener: L) -> Serving {
    brpc_rt::require_timers();
    let stop = hub.start_serving();
    let open = hub.open_listeners().token();
    let config = hub.config();
    let (hub, places) = (Arc::downgrade(hub), hub.places().clone());
    let file = listener.path().and_then(OwnFile::new);
    let encryption = encryption(config, &listener);
    let task = brpc_rt::spawn(async move {
        // Dropped after the listener, and in this order: when a shutdown ends, the file is gone.
        let _open = open;
        let _file = file;
        let Some(stop) = stop else {
            tracing::warn!("a hub that is shutting down serves no listener");
            return Err(ServeError::ShuttingDown);
        };
        let encryption = encryption.inspect_err(|error| tracing::error!(%error, "not served"))?;
        let accepting = AcceptLoop {
            hub,
            places,
            listener,
            encryption,
            in_a_row: 0,
            pause: Duration::ZERO,
            logged: None,
        };
        match stop.run_until_cancelled_owned(accepting.run()).await {
            Some(error) => {
                tracing::error!(%error, "a listener failed; no more plugins connect through it");
                Err(ServeError::Listener(error))
            }
            None => Ok(()),
        }
    });
    Serving { task }
}

/// The encryption of a listener's connections, unless it may not be served.
fn encryption(config: &Config, listener: &impl Listener) -> Result<Encryption, ServeError> {
    let has_tls = config.tls.is_some();
    let usual = if has_tls { Encryption::Demanded } else { Encryption::Off };
    let encryption = config.encrypts(listener.encryption().unwrap_or(usual));
    if encryption == Encryption::Demanded && !has_tls {
        return Err(ServeError::NoTls);
    }
    let is_safe = encryption == Encryption::Demanded || listener.is_of_this_host();
    if is_safe || config.authenticator.is_some() || config.allow_insecure {
        Ok(encryption)
    } else {
        Err(ServeError::Insecure)
    }
}

struct AcceptLoop<L> {
    hub: std::sync::Weak<Hub>,
    places: Arc<Places>,
    listener: L,
    encryption: Encryption,
    /// How many errors of single connections came in a row.
    in_a_row: u32,
    /// How long to wait after the next error.
    pause: Duration,
    /// When an error was logged last.
    logged: Option<Instant>,
}

impl<L: Listener> AcceptLoop<L> {
    /// Accepts until the listener fails for good; returns its error.
    async fn run(mut self) -> io::Error {
        loop {
            match self.listener.accept().await {
                Ok((stream, source)) => {
                    (self.in_a_row, self.pause) = (0, Duration::ZERO);
                    let place = self.places.next(source).await;
                    let Some(hub) = self.hub.upgrade() else {
                        // The hub is gone, and its token is about to be cancelled.
                        return io::Error::other("the hub is gone");
                    };
                    let Some(place) = place else {
                        hub.unfinished().count(Unsaid::Crowded);
                        tracing::debug!(%source, "too many connections in their handshake");
                        continue;
                    };
                    attach(&hub, stream, Some(source), self.encryption, Some(place));
                }
                Err(error) if is_fatal(&error) => return error,
                Err(error) => self.recover(&error).await,
            }
        }
    }

    /// Waits as long as an error requires, and logs one error a second.
    async fn recover(&mut self, error: &io::Error) {
        if is_of_connection(error) {
            self.in_a_row += 1;
            if !self.in_a_row.is_multiple_of(AT_ONCE) {
                return tokio::task::yield_now().await;
            }
            // A storm of them, or a listener that has nothing else, doesn't get all of a thread.
            return sleep(LEAST_PAUSE).await;
        }
        if self.logged.is_none_or(|logged| logged.elapsed() >= Duration::from_secs(1)) {
            tracing::warn!(%error, "can't accept connections at the moment");
            self.logged = Some(Instant::now());
        }
        self.pause = (2 * self.pause).clamp(LEAST_PAUSE, MOST_PAUSE);
        sleep(self.pause).await;
    }
}

/// The pause after an error that isn't of one connection: this, and twice as long each time.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
const MOST_PAUSE: Duration = Duration::from_secs(1);

/// After how many errors of single connections in a row there is a pause all the same.
const AT_ONCE: u32 = 1_024;

/// Whether only the connection that was to be accepted is at fault. Linux tells in this way also
/// what has happened to the network since.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted,
        NetworkDown, NetworkUnreachable, TimedOut,
    };
    const EPROTO: i32 = if cfg!(target_os = "linux") { 71 } else { 100 };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    ) || error.raw_os_error() == Some(EPROTO)
}

/// Whether the listener can't go on. Every other error passes: a hub that stops accepting because
/// of such an error, for instance too many open files, is worse than one that retries in vain.
fn is_fatal(error: &io::Error) -> bool {
    const EBADF: i32 = 9;
    const EINVAL: i32 = 22;
    error.get_ref().and_then(|error| error.downcast_ref::<ListenerClosed>()).is_some()
        || matches!(error.raw_os_error(), Some(EBADF | EINVAL))
}
