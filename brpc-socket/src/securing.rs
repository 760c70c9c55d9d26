//! A stream that is accepted before its own handshake is over.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that a [`Listener`](crate::Listener) returns before the stream's own handshake, such as
/// that of TLS, is over. That handshake goes on in the connection's task: the listener accepts the
/// next connection meanwhile, and a client that stalls delays nobody.
///
/// The time counts towards [`Limits::hello_deadline`](crate::Limits::hello_deadline), and the
/// connection counts as one in its handshake. If the stream's handshake fails, the connection ends;
/// reads return the error.
///
/// ```
/// use std::io;
///
/// use brpc_socket::{Listener, Securing, Source};
/// use tokio::io::AsyncReadExt;
/// use tokio::net::{TcpListener, TcpStream};
///
/// /// Accepts only those who know the word. With TLS, this is `TlsAcceptor::accept`.
/// async fn unlock(mut stream: TcpStream) -> io::Result<TcpStream> {
///     let mut word = [0; 6];
///     stream.read_exact(&mut word).await?;
///     if word == *b"sesame" { Ok(stream) } else { Err(io::ErrorKind::PermissionDenied.into()) }
/// }
///
/// struct Gate(TcpListener);
///
/// impl Listener for Gate {
///     type Stream = Securing<TcpStream>;
///
///     async fn accept(&mut self) -> io::Result<(Securing<TcpStream>, Source)> {
///         let (stream, source) = Listener::accept(&mut self.0).await?;
///         Ok((Securing::new(unlock(stream)), source))
///     }
///
///     // Nobody else gets in.
///     fn is_of_this_host(&self) -> bool {
///         true
///     }
/// }
/// ```
pub struct Securing<S>(State<S>);

enum State<S> {
    /// The stream's handshake goes on.
    Pending(Pin<Box<dyn Future<Output = io::Result<S>> + Send>>),
    /// Bytes can be read and written.
    Secured(S),
    /// The handshake failed, and its error was returned.
    Failed,
}

impl<S> Securing<S> {
    /// The stream that this handshake yields. The handshake runs when the stream is first read or
    /// written.
    pub fn new(handshake: impl Future<Output = io::Result<S>> + Send + 'static) -> Self {
        Self(State::Pending(Box::pin(handshake)))
    }

    /// The stream; waits until it is secured.
    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut S>>>
    where
        S: Unpin,
    {
        if let State::Pending(handshake) = &mut self.0 {
            let secured = ready!(handshake.as_mut().poll(context));
            // Drops the handshake, with all that it holds.
            self.0 = State::Failed;
            self.0 = State::Secured(secured?);
        }
        Poll::Ready(match &mut self.0 {
            State::Secured(stream) => Ok(Pin::new(stream)),
            _ => Err(io::Error::new(io::ErrorKind::NotConnected, "the stream's handshake failed")),
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Securing<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(context))?.poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Securing<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(context))?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(context))?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        matches!(&self.0, State::Secured(stream) if stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(context))?.poll_shutdown(context)
    }
}

impl<S> fmt::Debug for Securing<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::Pending(_) => "pending",
            State::Secured(_) => "secured",
            State::Failed => "failed",
        };
        f.debug_tuple("Securing").field(&state).finish()
    }
}
