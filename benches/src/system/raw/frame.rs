//! Frames: the length of the rest in four bytes, a number in eight, and a message in JSON.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::echo::Message;

/// A call's number, and its encoded message.
pub(super) type Frame = (u64, Bytes);

const LENGTH: usize = 4;
const NUMBER: usize = 8;

/// Encodes a frame at the end of a buffer.
pub(super) fn put(buffer: &mut Vec<u8>, number: u64, message: &Message) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; LENGTH]);
    buffer.extend_from_slice(&number.to_le_bytes());
    serde_json::to_writer(&mut *buffer, message).expect("a message encodes into memory");
    let rest = u32::try_from(buffer.len() - start - LENGTH).expect("a message is below 4 GiB");
    buffer[start..start + LENGTH].copy_from_slice(&rest.to_le_bytes());
}

pub(super) fn decode(encoded: &[u8]) -> io::Result<Message> {
    Ok(serde_json::from_slice(encoded)?)
}

/// Takes frames out of what a peer sends.
#[derive(Debug)]
pub(super) struct FrameReader<R> {
    stream: R,
    unread: BytesMut,
    room: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(stream: R, room: usize) -> Self {
        Self { stream, unread: BytesMut::with_capacity(room), room }
    }

    /// The stream, to write to it.
    pub(super) fn stream(&mut self) -> &mut R {
        &mut self.stream
    }

    /// Reads once. Whether there may be more to come.
    pub(super) async fn fill(&mut self) -> bool {
        self.unread.reserve(self.room);
        self.stream.read_buf(&mut self.unread).await.is_ok_and(|bytes| bytes > 0)
    }

    /// A frame that has come whole.
    pub(super) fn next(&mut self) -> Option<Frame> {
        let length = u32::from_le_bytes(*self.unread.first_chunk()?) as usize;
        if let Some(missing) = (LENGTH + length).checked_sub(self.unread.len())
            && missing > 0
        {
            // At once, or what is there of a large frame would be moved with each read.
            self.unread.reserve(missing);
            return None;
        }
        self.unread.advance(LENGTH);
        let mut frame = self.unread.split_to(length).freeze();
        let number = u64::from_le_bytes(*frame.first_chunk()?);
        frame.advance(NUMBER);
        Some((number, frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_is_taken_when_it_is_whole() {
        let (first, second) = (Message::new(1, 64), Message::new(2, 0));
        let mut sent = Vec::new();
        put(&mut sent, 7, &first);
        let whole = sent.len();
        put(&mut sent, 8, &second);

        let (came, comes) = sent.split_at(whole + 5);
        let mut reader = FrameReader::new(AsyncReadExt::chain(came, comes), 1_024);
        assert!(reader.fill().await);
        let (number, frame) = reader.next().unwrap();
        assert_eq!((number, decode(&frame).unwrap()), (7, first));
        assert_eq!(reader.next(), None);

        assert!(reader.fill().await);
        let (number, frame) = reader.next().unwrap();
        assert_eq!((number, decode(&frame).unwrap()), (8, second));
        assert!(!reader.fill().await);
    }
}
