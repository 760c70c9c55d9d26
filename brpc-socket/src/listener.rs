//! Where plugins dial in.

use std::future::Future;
use std::io;
use std::net::IpAddr;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Where plugins dial in: TCP, Unix sockets and memory are here; implement it for others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a listener that a hub can serve",
    label = "not a listener",
    note = "bind one of tokio's first: `tokio::net::TcpListener::bind(\"127.0.0.1:8080\").await?`"
)]
pub trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection, and where it is from.
    ///
    /// # Errors
    /// That of the system, or of the connection that was to be accepted. The hub tries again, slower
    /// if need be, unless the error says that the listener is at its end: [`ListenerClosed`], or the
    /// system's word for a descriptor that doesn't listen (`EBADF`, `EINVAL`).
    ///
    /// # Cancel safety
    /// The hub drops this future when it shuts down; a connection may be lost with it.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Source)>> + Send;
}

/// Says that a listener is at its end: `io::Error::other(ListenerClosed)`.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the listener is closed")]
pub struct ListenerClosed;

/// Where a connection is from, as far as limits care.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// Another host, or this one by its loopback address.
    Ip(IpAddr),
    /// This host, by other ways.
    Local,
}

impl Source {
    /// Whether it is this host, by whatever way.
    pub(crate) fn is_this_host(self) -> bool {
        match self {
            // An IPv4 address as a listener for both kinds sees it is the same address.
            Self::Ip(address) => address.to_canonical().is_loopback(),
            Self::Local => true,
        }
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Source)> {
        let (stream, address) = TcpListener::accept(self).await?;
        // Frames are written whole; the system has nothing to wait for. Some systems refuse it for a
        // peer that is gone already, which is no fault of the listener.
        let _ = stream.set_nodelay(true);
        Ok((stream, Source::Ip(address.ip())))
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&mut self) -> io::Result<(tokio::net::UnixStream, Source)> {
        let (stream, _) = tokio::net::UnixListener::accept(self).await?;
        Ok((stream, Source::Local))
    }
}

/// Listens in memory, for plugins in the same process and for tests.
#[derive(Debug)]
pub struct MemoryListener {
    connections: mpsc::Receiver<DuplexStream>,
}

/// Dials a [`MemoryListener`]. A cheap clone; when the last one is dropped, the listener fails.
#[derive(Clone, Debug)]
pub struct MemoryConnector {
    connections: mpsc::Sender<DuplexStream>,
}

impl MemoryListener {
    /// A listener, and what dials it.
    pub fn new() -> (MemoryConnector, Self) {
        const BACKLOG: usize = 128;
        let (sender, connections) = mpsc::channel(BACKLOG);
        (MemoryConnector { connections: sender }, Self { connections })
    }
}

impl MemoryConnector {
    /// Bytes that each direction of a connection holds.
    const BUFFER: usize = 64 * 1024;

    /// A connection; waits while too many are not accepted yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] if nobody listens any more.
    ///
    /// # Cancel safety
    /// Dropped, it has connected to nothing.
    pub async fn connect(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(Self::BUFFER);
        match self.connections.send(theirs).await {
            // A listener that closes at this moment may leave it in the queue, where nobody answers.
            Ok(()) if !self.connections.is_closed() => Ok(ours),
            _ => Err(io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens")),
        }
    }
}

impl Listener for MemoryListener {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Source)> {
        match self.connections.recv().await {
            Some(stream) => Ok((stream, Source::Local)),
            None => Err(io::Error::other(ListenerClosed)),
        }
    }
}
