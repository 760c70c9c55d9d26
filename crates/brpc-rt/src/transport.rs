//! The stream of a connection, with its input and output.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use brpc_proto::limits::IDLE_BYTES;
use brpc_proto::{End, WriteBuffer};
use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::{poll_read_buf, poll_write_buf};

use crate::close::{self, Farewell};
use crate::prefixed::Prefixed;

/// The least and the most capacity for a read: little for connections that are mostly silent, more
/// for those whose reads fill it.
const READ_SIZES: (usize, usize) = (1024, 64 * 1024);

/// How many reads a stream gets after a write has failed, and how long it waits for what was sent
/// before: the runtime may not know yet that it is there.
const LAST_READS: usize = 16;
const LAST_WAIT: Duration = Duration::from_millis(100);

/// A stream of bytes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// A stream, with what was read from it and what is to be written to it.
pub(crate) struct Transport<S> {
    stream: S,
    /// Bytes that were read and the connection hasn't taken: a part of a frame, or more while the
    /// peer is held back.
    pub(crate) input: BytesMut,
    /// The capacity for the next read.
    read_size: usize,
    /// The largest capacity that the input had.
    input_size: usize,
    /// Bytes that count as sent and are not written yet.
    pub(crate) output: WriteBuffer,
    /// Bytes that were written and the connection doesn't know of yet.
    pub(crate) written: usize,
    /// Bytes that were read and written since the driver was woken.
    pub(crate) moved: usize,
    /// Whether the last read found as much as it had room for, so that there may be more.
    pub(crate) has_more: bool,
    /// How the stream ended, once it has.
    pub(crate) end: Option<End>,
    /// How many reads are left, once a write has failed, and until when.
    reads_left: Option<usize>,
    reads_until: Option<Instant>,
    /// Whether the stream has flushed what was written.
    is_flushed: bool,
}

impl<S: Stream> Transport<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            read_size: READ_SIZES.0,
            input_size: 0,
            output: WriteBuffer::new(),
            written: 0,
            moved: 0,
            has_more: false,
            end: None,
            reads_left: None,
            reads_until: None,
            is_flushed: true,
        }
    }

    /// The stream, with what was read from it and not taken.
    pub(crate) fn into_stream(self) -> Prefixed<S> {
        Prefixed::new(self.input, self.stream)
    }

    /// Whether more frames may be taken for a write.
    pub(crate) fn takes_more(&self) -> bool {
        self.output.is_empty() && !self.has_stopped_writing()
    }

    /// Whether a write has failed, and the stream is only read.
    pub(crate) fn has_stopped_writing(&self) -> bool {
        self.reads_left.is_some()
    }

    /// There is nothing to read. Until when there may be, if a write has failed; the stream has ended
    /// when that is over.
    pub(crate) fn awaits_last_words(&mut self, now: Instant) -> Option<Instant> {
        if self.reads_left.is_none() || self.end.is_some() {
            return None;
        }
        let until = *self.reads_until.get_or_insert(now + LAST_WAIT);
        if until <= now {
            self.end = Some(End::Failed);
        }
        Some(until)
    }

    /// Whether there is something to write or to flush.
    pub(crate) fn has_output(&self) -> bool {
        !(self.output.is_empty() && self.is_flushed)
    }

    /// Writes the last bytes, and closes the stream.
    pub(crate) async fn close(&mut self, farewell: Farewell) {
        // Closing takes a while, in which the peer's bytes are of no use.
        self.input = BytesMut::new();
        close::say_and_close(&mut self.stream, std::mem::take(&mut self.output), farewell).await;
    }

    /// Reads once, at most so many bytes, which is not zero. False if there was nothing to read; the
    /// stream then wakes the driver when bytes arrive.
    pub(crate) fn read(&mut self, most: usize, context: &mut Context<'_>) -> bool {
        self.input.reserve(self.read_size.min(most));
        self.input_size = self.input_size.max(self.read_size);
        let mut input = (&mut self.input).limit(most);
        let read = poll_read_buf(Pin::new(&mut self.stream), context, &mut input);
        self.has_more = false;
        match read {
            Poll::Pending => {}
            Poll::Ready(Ok(0)) => self.end = Some(End::Eof),
            Poll::Ready(Err(_)) => self.end = Some(End::Failed),
            Poll::Ready(Ok(count)) => {
                self.moved += count;
                self.has_more = self.input.len() == self.input.capacity();
                if count >= self.read_size {
                    self.read_size = (2 * count).min(READ_SIZES.1);
                }
            }
        }
        if let Some(reads_left) = &mut self.reads_left {
            *reads_left = reads_left.saturating_sub(1);
            if *reads_left == 0 {
                self.end.get_or_insert(End::Failed);
            }
        }
        read.is_ready()
    }

    /// Writes once. False if the stream is full; it then wakes the driver when it accepts more.
    pub(crate) fn write(&mut self, context: &mut Context<'_>) -> bool {
        if !self.output.is_empty() {
            match self.poll_write(context) {
                Poll::Pending => return false,
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.written += count;
                    self.moved += count;
                    self.is_flushed = false;
                }
                Poll::Ready(_) => self.stop_writing(),
            }
        }
        if self.output.is_empty() && !self.is_flushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => self.is_flushed = true,
                Poll::Ready(Err(_)) => self.stop_writing(),
            }
        }
        true
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let chunk = self.output.chunk();
        if chunk.len() < self.output.remaining() {
            return poll_write_buf(stream, context, &mut self.output);
        }
        // The system takes a single piece faster with a plain write than with a vectored one.
        let count = ready!(stream.poll_write(context, chunk))?;
        self.output.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Ends the connection because a write failed, but only after some more reads. Before the peer
    /// closed, it may have sent answers, and a Goodbye or a refusal that says why.
    fn stop_writing(&mut self) {
        self.output = WriteBuffer::new();
        self.is_flushed = true;
        self.reads_left.get_or_insert(LAST_READS);
    }

    /// Frees capacity that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        // Not as soon as a read fills less than its capacity: it may be the rest of a frame.
        if self.moved < self.read_size / 4 {
            self.read_size = (self.read_size / 2).max(READ_SIZES.0);
        }
        if self.input.is_empty() && self.input_size > IDLE_BYTES {
            (self.input, self.input_size) = (BytesMut::new(), 0);
        }
        if self.output.is_empty() && self.output.capacity() > IDLE_BYTES {
            self.output = WriteBuffer::new();
        }
    }
}
