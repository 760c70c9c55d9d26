//! Dialling a hub over TCP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::address::{HubAddress, Unresolved};
use crate::error::ConnectError;

/// How many times the limit of an address all of them get, however many there are.
const ADDRESSES: u32 = 6;

/// Connects to the first of the hub's addresses that answers; returns which. The name's look-up and
/// each address get so much time, and all together six times as much; if there is no limit, as much
/// as the system gives them.
pub(crate) async fn dial(
    hub: HubAddress,
    limit: Option<Duration>,
) -> Result<(TcpStream, Option<SocketAddr>), ConnectError> {
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
                return Ok((stream, address));
            }
            Some(Err(error)) => failed = error,
            None => failed = timed_out(),
        }
    }
    Err(ConnectError::Io { hub, addresses, error: failed })
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
