//! Dialling a hub over TCP or a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::address::{HubAddress, Unresolved};
use crate::channel::Channel;
use crate::error::ConnectError;
use crate::secure::BoxedStream;

/// A connection to a hub, before anything was said on it.
pub(crate) enum Dialled {
    Tcp(TcpStream),
    Unix(BoxedStream),
}

/// How many times the limit of an address all of them get, however many there are.
const ADDRESSES: u32 = 6;

/// Connects to the hub: at its path, or at the first of its addresses that answers. The name's look-up and
/// each address get so much time, and all together six times as much; if there is no limit, as much
/// as the system gives them.
pub(crate) async fn dial(
    hub: HubAddress,
    limit: Option<Duration>,
) -> Result<(Dialled, Channel), ConnectError> {
    if let Some(path) = hub.path() {
        return match within(limit, connect_unix(path)).await.unwrap_or_else(|| Err(timed_out())) {
            // As private as a stream of the user's own.
            Ok(stream) => Ok((Dialled::Unix(stream), Channel::own())),
            Err(error) => Err(ConnectError::Io { hub, addresses: Vec::new(), error }),
        };
    }
    // Resolved separately, so that an error can name the addresses that were tried.
    let addresses = match within(limit, hub.resolve()).await {
        Some(Ok(addresses)) => addresses,
        Some(Err(Unresolved::NoAddress(error))) => return Err(ConnectError::Address(error)),
        Some(Err(Unresolved::NotFound(error))) => {
            return Err(ConnectError::Io { hub, addresses: Vec::new(), error });
        }
        None => return Err(ConnectError::Io { hub, addresses: Vec::new(), error: timed_out() }),
    };
    let mut failed = timed_out();
    let until = limit.map(|limit| Instant::now() + limit.saturating_mul(ADDRESSES));
    for &address in &addresses {
        if until.is_some_and(|until| until <= Instant::now()) {
            break;
        }
        match within(limit, connect(address)).await {
            Some(Ok(stream)) => {
                let address = stream.peer_addr().ok();
                return Ok((Dialled::Tcp(stream), Channel::tcp(address)));
            }
            Some(Err(error)) => failed = error,
            None => failed = timed_out(),
        }
    }
    Err(ConnectError::Io { hub, addresses, error: failed })
}

#[cfg(unix)]
async fn connect_unix(path: &str) -> io::Result<BoxedStream> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "as on Unix")]
async fn connect_unix(_: &str) -> io::Result<BoxedStream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Frames are written whole, so the system need not wait for more.
    stream.set_nodelay(true)?;
    brpc_rt::bound_unsent(&stream);
    Ok(stream)
}

/// What the future returns; `None` if that takes longer.
async fn within<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    match limit {
        Some(limit) => timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}
