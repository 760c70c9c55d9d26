//! The limit of events: frames in one direction.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::frame;
use crate::echo::Message;

/// Sends events, one after the other, up to the end of the connection.
pub(super) async fn emit(mut stream: TcpStream, mut message: Message) {
    /// As much is written at a time as the hub of brpc reads at a time.
    const BATCH: usize = 64 << 10;
    let mut batch = Vec::new();
    loop {
        while batch.len() < BATCH {
            frame::put(&mut batch, 0, &message);
            message.id += 1;
        }
        if stream.write_all(&batch).await.is_err() {
            return;
        }
        batch.clear();
    }
}
