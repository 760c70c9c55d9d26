//! Bytes on their way to the transport.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::limits::{MAX_TRANSMIT, OWN_SLICE};

/// Room for a message's header, unless it carries texts.
const SHORT_HEADER: usize = 24;

/// Encoded messages on their way to the transport: small ones side by side, large payloads as
/// slices. A [`Buf`] whose chunks are meant for vectored writes.
#[derive(Debug, Default)]
pub struct WriteBuffer {
    /// The first bytes, in order.
    chunks: VecDeque<Bytes>,
    /// Bytes in the chunks.
    chunked: usize,
    /// The bytes after the chunks; more are appended here.
    tail: Vec<u8>,
    /// How much of the tail the transport has taken.
    taken: usize,
}

impl WriteBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    /// Its allocated capacity, in bytes.
    pub fn capacity(&self) -> usize {
        self.tail.capacity()
    }

    /// Reserves room for so many messages with short headers, and so many bytes of payload, at
    /// once.
    pub(crate) fn reserve(&mut self, messages: usize, payloads: usize) {
        // Large payloads are not copied here.
        let copied = if payloads < messages * OWN_SLICE { payloads } else { 0 };
        self.tail.reserve((messages * SHORT_HEADER + copied).min(MAX_TRANSMIT));
    }

    /// Appends the bytes of another buffer, and empties it.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if self.is_empty() && !other.is_empty() {
            return std::mem::swap(self, other);
        }
        while other.has_remaining() {
            let chunk = other.chunk();
            let count = chunk.len();
            self.tail.extend_from_slice(chunk);
            other.advance(count);
        }
    }

    /// Appends what `append` appends; for codecs.
    pub fn with(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        append(&mut self.tail);
    }

    /// Appends a payload, a large one as a slice.
    pub fn payload(&mut self, payload: &Bytes) {
        if payload.len() < OWN_SLICE {
            return self.tail.extend_from_slice(payload);
        }
        self.slice(payload);
    }

    /// Appends a payload as a slice.
    fn slice(&mut self, payload: &Bytes) {
        let mut before = Bytes::from(std::mem::take(&mut self.tail));
        before.advance(std::mem::take(&mut self.taken));
        self.chunked += before.len() + payload.len();
        // A writer without vectored writes takes an empty chunk for the end of the stream.
        self.chunks.extend([before, payload.clone()].into_iter().filter(|chunk| !chunk.is_empty()));
    }
}

impl Buf for WriteBuffer {
    fn remaining(&self) -> usize {
        self.chunked + self.tail.len() - self.taken
    }

    fn chunk(&self) -> &[u8] {
        self.chunks.front().map_or(&self.tail[self.taken..], |chunk| chunk)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = (!self.tail.is_empty()).then_some(&self.tail[self.taken..]);
        let chunks = self.chunks.iter().map(|chunk| &chunk[..]).chain(tail);
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(chunks) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(chunk) = self.chunks.front_mut() {
            if count < chunk.len() {
                chunk.advance(count);
                self.chunked -= count;
                return;
            }
            count -= chunk.len();
            self.chunked -= chunk.len();
            self.chunks.pop_front();
        }
        self.taken += count;
        assert!(self.taken <= self.tail.len(), "more was taken than there is");
        if self.taken == self.tail.len() {
            self.tail.clear();
            self.taken = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mut buffer: WriteBuffer, step: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while buffer.has_remaining() {
            let count = step.min(buffer.chunk().len());
            bytes.extend_from_slice(&buffer.chunk()[..count]);
            buffer.advance(count);
        }
        assert!(buffer.is_empty());
        bytes
    }

    fn filled() -> WriteBuffer {
        let mut buffer = WriteBuffer::new();
        for payload in [&b"small"[..], &[7; OWN_SLICE], b""] {
            buffer.with(|bytes| bytes.extend_from_slice(b"head"));
            buffer.payload(&Bytes::copy_from_slice(payload));
        }
        buffer
    }

    #[test]
    fn large_payloads_are_not_copied() {
        let payload = Bytes::from(vec![7; OWN_SLICE]);
        let mut buffer = WriteBuffer::new();
        buffer.with(|bytes| bytes.push(1));
        buffer.payload(&payload);
        buffer.with(|bytes| bytes.push(2));
        assert_eq!(buffer.chunks.len(), 2);
        assert_eq!(buffer.chunks[1].as_ptr(), payload.as_ptr());
    }

    #[test]
    fn no_chunk_is_empty_while_bytes_remain() {
        let large = Bytes::from(vec![7; OWN_SLICE]);
        for parts in [&["large"][..], &["large", "large", "small"], &["small", "taken", "large"]] {
            let mut buffer = WriteBuffer::new();
            for part in parts {
                match *part {
                    "large" => buffer.payload(&large),
                    "small" => buffer.payload(&Bytes::from_static(b"small")),
                    _ => buffer.advance(buffer.remaining()),
                }
            }
            while buffer.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 8];
                let count = buffer.chunks_vectored(&mut slices);
                assert!(slices[..count].iter().all(|slice| !slice.is_empty()), "{parts:?}");
                assert!(!buffer.chunk().is_empty(), "{parts:?}");
                buffer.advance(buffer.chunk().len());
            }
        }
    }

    #[test]
    fn any_way_of_draining_gives_the_same_bytes() {
        let whole = drained(filled(), usize::MAX);
        assert_eq!(whole.len(), 3 * 4 + 5 + OWN_SLICE);
        assert_eq!(&whole[..13], b"headsmallhead");
        for step in [1, 2, 3, 7, 4095] {
            assert_eq!(drained(filled(), step), whole);
        }
        let buffer = filled();
        let mut slices = [IoSlice::new(&[]); 8];
        let count = buffer.chunks_vectored(&mut slices);
        let joined: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        assert_eq!(joined, whole);
    }
}
