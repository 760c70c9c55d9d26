//! Where plugins dial in.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use brpc_rt::foreign::shielded;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::encryption::Encryption;

/// Where plugins dial in. This crate has listeners for TCP, Unix sockets and memory; implement it
/// for others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a listener that a hub can serve",
    label = "not a listener",
    note = "bind one of tokio's first: `tokio::net::TcpListener::bind(\"127.0.0.1:8080\").await?`"
)]
pub trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection; returns it with its source.
    ///
    /// # Errors
    /// The error of the system, or of the connection that was to be accepted. The hub retries,
    /// after a pause if need be, unless the error says that the listener is at its end:
    /// [`ListenerClosed`], or the system's error for a descriptor that doesn't listen (`EBADF`,
    /// `EINVAL`).
    ///
    /// # Cancel safety
    /// The hub drops this future when it shuts down; a connection may be lost with it.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Source)>> + Send;

    /// The path at which it listens, if the hub shall remove that when it has closed the listener.
    /// The hub asks once, before it serves, and removes nothing that somebody else has put there
    /// since. Default: `None`.
    ///
    /// A Unix socket has one if this process made it; one that was inherited, as from systemd, stays.
    fn path(&self) -> Option<PathBuf> {
        None
    }

    /// Whether only programs of this host can reach it, or whatever its streams are is private anyway:
    /// a loopback address, a Unix socket, memory; or streams that the listener secures itself. The hub
    /// asks once, before it serves. Default: `false`.
    ///
    /// Where others can reach it, a hub that neither encrypts nor authenticates must be told to serve
    /// it: [`Builder::allow_insecure`](crate::Builder::allow_insecure).
    fn is_of_this_host(&self) -> bool {
        false
    }

    /// Whether the hub speaks TLS on its connections. The hub asks once, before it serves. Default:
    /// `None`, and then TLS is demanded if the hub has settings for it, else off. On Unix sockets and
    /// in memory it is allowed.
    fn encryption(&self) -> Option<Encryption> {
        None
    }

    /// The same listener, with this encryption.
    fn with_encryption(self, encryption: Encryption) -> WithEncryption<Self>
    where
        Self: Sized,
    {
        WithEncryption { listener: self, encryption }
    }
}

/// A listener with its own [`Encryption`]; made by [`Listener::with_encryption`].
#[derive(Debug)]
pub struct WithEncryption<L> {
    listener: L,
    encryption: Encryption,
}

/// The error of a listener that is at its end: `io::Error::other(ListenerClosed)`.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the listener is closed")]
pub struct ListenerClosed;

/// The source of a connection, for limits, access and logs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// An address: of another host, or a loopback address of this one. A listener that doesn't know
    /// the port gives 0.
    Address(SocketAddr),
    /// This host: a process at the other end of a Unix socket.
    Unix(UnixPeer),
    /// This host, without an address: memory, or a Unix socket whose system doesn't know the peer.
    Local,
}

/// The process at the other end of a Unix socket, as the system knew it when it connected.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct UnixPeer {
    /// The user that the process ran as.
    pub uid: u32,
    /// The process, if the system says so. Its number may be that of another one by now.
    pub pid: Option<i32>,
}

impl UnixPeer {
    /// A process of this user.
    pub fn new(uid: u32, pid: Option<i32>) -> Self {
        Self { uid, pid }
    }
}

impl Source {
    /// The host's address; `None` if there is none.
    pub(crate) fn host(self) -> Option<IpAddr> {
        match self {
            // A listener for IPv4 and IPv6 sees an IPv4 address in another form.
            Self::Address(address) => Some(address.ip().to_canonical()),
            Self::Unix(_) | Self::Local => None,
        }
    }

    /// Whether it is this host: a loopback address, a Unix socket, or memory.
    pub fn is_this_host(self) -> bool {
        self.host().is_none_or(|host| host.is_loopback())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Unix(UnixPeer { uid, pid: Some(pid) }) => write!(f, "uid {uid}, pid {pid}"),
            Self::Unix(UnixPeer { uid, pid: None }) => write!(f, "uid {uid}"),
            Self::Local => f.write_str("local"),
        }
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Source)> {
        let (stream, address) = TcpListener::accept(self).await?;
        // Frames are written whole, so the system need not wait for more. Some systems refuse this
        // for a peer that has gone; that is no fault of the listener.
        let _ = stream.set_nodelay(true);
        brpc_rt::bound_unsent(&stream);
        Ok((stream, Source::Address(address)))
    }

    fn is_of_this_host(&self) -> bool {
        self.local_addr().is_ok_and(|address| Source::Address(address).is_this_host())
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&mut self) -> io::Result<(tokio::net::UnixStream, Source)> {
        let (stream, _) = tokio::net::UnixListener::accept(self).await?;
        let peer = stream.peer_cred().map(|peer| UnixPeer::new(peer.uid(), peer.pid()));
        Ok((stream, peer.map_or(Source::Local, Source::Unix)))
    }

    fn path(&self) -> Option<PathBuf> {
        let path = self.local_addr().ok()?.as_pathname()?.to_owned();
        is_of_this_process(self).then_some(path)
    }

    fn is_of_this_host(&self) -> bool {
        true
    }

    fn encryption(&self) -> Option<Encryption> {
        Some(Encryption::Allowed)
    }
}

/// Whether this process made the socket listen. The system notes that as the socket's peer.
#[cfg(unix)]
fn is_of_this_process(listener: &tokio::net::UnixListener) -> bool {
    use std::os::fd::AsFd as _;
    let maker = || {
        let socket = listener.as_fd().try_clone_to_owned().ok()?;
        let socket = tokio::net::UnixStream::from_std(socket.into()).ok()?;
        socket.peer_cred().ok()?.pid()
    };
    maker().is_some_and(|maker| u32::try_from(maker) == Ok(std::process::id()))
}

/// Listens in memory, for plugins in the same process and for tests.
#[derive(Debug)]
pub struct MemoryListener {
    backlog: Arc<Backlog>,
    arrived: mpsc::Receiver<()>,
}

/// Dials a [`MemoryListener`]. A cheap clone; when the last one is dropped, the listener fails.
#[derive(Clone, Debug)]
pub struct MemoryConnector {
    backlog: Arc<Backlog>,
    /// One message for each connection in the backlog.
    arrived: mpsc::Sender<()>,
}

/// The connections that are not accepted yet; `None` when the listener is gone. Not in the channel: if
/// that is closed while a sender is within it, all that stands behind stays there, and whoever dialled
/// so waits in vain.
#[derive(Debug)]
struct Backlog(Mutex<Option<VecDeque<DuplexStream>>>);

impl MemoryListener {
    /// A listener, and the connector that dials it.
    pub fn new() -> (MemoryConnector, Self) {
        const BACKLOG: usize = 128;
        let (sender, arrived) = mpsc::channel(BACKLOG);
        let backlog = Arc::new(Backlog(Mutex::new(Some(VecDeque::new()))));
        (MemoryConnector { backlog: backlog.clone(), arrived: sender }, Self { backlog, arrived })
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        let waiting = self.backlog.0.lock().take();
        // Without the lock: this wakes those who dialled.
        drop(waiting);
    }
}

impl MemoryConnector {
    /// How many bytes each direction of a connection holds.
    const BUFFER: usize = 64 * 1024;

    /// Dials the listener; waits while too many connections are not yet accepted.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] if the listener is gone.
    ///
    /// # Cancel safety
    /// If this future is dropped, nothing is connected.
    pub async fn connect(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(Self::BUFFER);
        let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens");
        let place = shielded(self.arrived.reserve()).await.map_err(|_| refused())?;
        match &mut *self.backlog.0.lock() {
            Some(waiting) => waiting.push_back(theirs),
            None => return Err(refused()),
        }
        place.send(());
        Ok(ours)
    }
}

impl Listener for MemoryListener {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Source)> {
        let arrived = self.arrived.recv().await;
        let next = || self.backlog.0.lock().as_mut()?.pop_front();
        match arrived.and_then(|()| next()) {
            Some(stream) => Ok((stream, Source::Local)),
            None => Err(io::Error::other(ListenerClosed)),
        }
    }

    fn is_of_this_host(&self) -> bool {
        true
    }

    fn encryption(&self) -> Option<Encryption> {
        Some(Encryption::Allowed)
    }
}

impl<L: Listener> Listener for WithEncryption<L> {
    type Stream = L::Stream;

    fn accept(&mut self) -> impl Future<Output = io::Result<(L::Stream, Source)>> + Send {
        self.listener.accept()
    }

    fn path(&self) -> Option<PathBuf> {
        self.listener.path()
    }

    fn is_of_this_host(&self) -> bool {
        self.listener.is_of_this_host()
    }

    fn encryption(&self) -> Option<Encryption> {
        Some(self.encryption)
    }
}
