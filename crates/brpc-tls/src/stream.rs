//! An encrypted stream.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use crate::certificate::ClientCertificate;
use crate::error::{Role, Stage, TlsError};
use crate::metered::Metered;
use crate::report::Report;

/// A stream that is encrypted, after its handshake.
///
/// If the peer ends the stream without saying so in TLS, reads see the end, as of a plain stream:
/// brpc's own messages tell whether anything is missing.
pub struct TlsStream<S> {
    /// Boxed, because it is large, and moved several times.
    stream: Box<tokio_rustls::TlsStream<Metered<S>>>,
    role: Role,
    report: Report,
}

/// A handshake: the stream, or the error with the stream below.
type Shaken<S> = Result<tokio_rustls::TlsStream<Metered<S>>, (io::Error, Metered<S>)>;

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// The stream that a handshake yields. If it failed, the peer gets a moment to read why.
    pub(crate) async fn shaken(
        shaken: impl Future<Output = Shaken<S>>,
        role: Role,
        report: Report,
    ) -> Result<Self, TlsError> {
        match shaken.await {
            Ok(mut stream) => {
                stream.get_mut().0.lift();
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let shown = shown.filter(|_| role == Role::Hub);
                report.secured(shown.map(ClientCertificate::new));
                Ok(Self { stream: Box::new(stream), role, report })
            }
            Err((error, mut below)) => {
                let error = if below.is_used_up() {
                    TlsError::too_long(role)
                } else {
                    TlsError::new(&error, role, Stage::Handshake)
                };
                report.failed(error.clone());
                if !error.is_of_transport() {
                    see_off(&mut below.stream).await;
                }
                Err(error)
            }
        }
    }

    /// Notes an error.
    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &result {
            self.report.failed(TlsError::new(error, self.role, Stage::Secured));
        }
        result
    }
}

/// Ends this side's direction, and waits briefly for the peer to end its own: to close a stream with
/// unread bytes resets it, and a reset can overtake the alert that says why.
async fn see_off<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let ending = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(DISCARD_BYTES), &mut tokio::io::sink()).await
    };
    let _ = timeout(DISCARD, ending).await;
}

/// How long, and how many bytes, are read and discarded before a stream is closed.
const DISCARD: Duration = Duration::from_millis(500);
const DISCARD_BYTES: u64 = 64 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            read => self.note(read),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("role", &self.role).finish_non_exhaustive()
    }
}
