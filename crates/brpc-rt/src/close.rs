//! Closes a stream so that the last bytes arrive.

use std::time::Duration;

use brpc_proto::WriteBuffer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long writing the last bytes may take.
const FLUSH: Duration = Duration::from_secs(1);

/// How long, and how many bytes, are read and discarded before the stream is closed.
const DISCARD: Duration = Duration::from_millis(500);
const DISCARD_BYTES: u64 = 64 * 1024;

/// How much time the last bytes get.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Farewell {
    /// They shall arrive.
    Patient,
    /// They are written if the stream accepts them at once: another connection waits for this one's
    /// place, or the peer is not heard anyway.
    Hasty,
}

/// Writes the remaining bytes, ends this side's direction, and waits briefly for the peer to end
/// its own.
///
/// Closing a stream with unread bytes resets it, and a reset can overtake the Goodbye.
pub(crate) async fn say_and_close<S>(stream: &mut S, mut output: WriteBuffer, farewell: Farewell)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let last_bytes = async {
        stream.write_all_buf(&mut output).await?;
        stream.shutdown().await
    };
    if farewell == Farewell::Hasty {
        let _ = timeout(Duration::ZERO, last_bytes).await;
    } else if let Ok(Ok(())) = timeout(FLUSH, last_bytes).await {
        let mut rest = stream.take(DISCARD_BYTES);
        let _ = timeout(DISCARD, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    }
}
