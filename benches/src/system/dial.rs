//! Listening, and dialling as many connections as asked for.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::Error;
use crate::flags::Setup;
use crate::system::secure::{self, Stream};

/// A listener on a loopback address that any number of plugins can dial at once.
pub(crate) fn listen() -> Result<TcpListener, Error> {
    const BACKLOG: u32 = 4_096;
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    Ok(socket.listen(BACKLOG)?)
}

/// Where others find this listener.
pub(crate) fn address(listener: &TcpListener) -> String {
    listener.local_addr().map_or_else(|error| error.to_string(), |address| address.to_string())
}

pub(crate) async fn accept(listener: &TcpListener) -> Result<TcpStream, Error> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

pub(crate) async fn connect(setup: &Setup) -> Result<Stream, Error> {
    let stream = TcpStream::connect(&setup.hub).await?;
    stream.set_nodelay(true)?;
    secure::dialled(stream, setup).await
}

/// Connects all plugins, by their number, so many at a time.
pub(crate) async fn connect_all<F, C>(setup: &Setup, connect: F) -> Result<(), Error>
where
    F: Fn(u32) -> C + Clone + Send + 'static,
    C: Future<Output = Result<(), Error>> + Send,
{
    let (next, plugins) = (Arc::new(AtomicU32::new(0)), setup.plugins());
    let mut dialers = JoinSet::new();
    for _ in 0..setup.dials.min(plugins) {
        let (next, connect) = (next.clone(), connect.clone());
        dialers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= plugins {
                    return Ok::<(), Error>(());
                }
                connect(number).await?;
            }
        });
    }
    while let Some(dialer) = dialers.join_next().await {
        dialer??;
    }
    Ok(())
}

/// Says what went wrong with one of many connections, and waits before the next.
pub(crate) async fn or_wait(result: Result<(), Error>) {
    const PAUSE: Duration = Duration::from_millis(10);
    if let Err(error) = result {
        eprintln!("a plugin: {}", crate::chain(&*error));
        tokio::time::sleep(PAUSE).await;
    }
}
