//! How many bytes a TLS handshake may have.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes a peer may send before its TLS handshake is over: a handshake with a chain of three
/// certificates has about 6 KiB, and up to 20 KiB of what follows may be read with it.
pub(crate) const LONGEST_HANDSHAKE: usize = 32 * 1024;

/// The stream below TLS, whose reads are counted until the handshake is over.
pub(crate) struct Metered<S> {
    pub(crate) stream: S,
    /// How many bytes may still be read; `None` for any number.
    left: Option<usize>,
}

impl<S> Metered<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, left: Some(LONGEST_HANDSHAKE) }
    }

    /// The handshake is over.
    pub(crate) fn lift(&mut self) {
        self.left = None;
    }

    /// Whether the peer has sent all that it may.
    pub(crate) fn is_used_up(&self) -> bool {
        self.left == Some(0)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(left) = self.left else {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        };
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        // A read that goes beyond it is the last one.
        self.left = Some(left.saturating_sub(buffer.filled().len() - before));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_handshake_reads_so_much_and_what_follows_any_amount() {
        let mut metered = Metered::new(tokio::io::repeat(1));
        let mut read = 0;
        let error = loop {
            match metered.read(&mut [0; 4096]).await {
                Ok(count) => read += count,
                Err(error) => break error,
            }
        };
        assert_eq!((read, error.kind()), (LONGEST_HANDSHAKE, io::ErrorKind::FileTooLarge));
        assert!(metered.is_used_up());
        metered.lift();
        metered.read_exact(&mut vec![0; 2 * LONGEST_HANDSHAKE]).await.unwrap();
    }
}
