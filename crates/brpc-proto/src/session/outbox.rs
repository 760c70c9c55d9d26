//! Unsent frames that are never withdrawn: answers and events, in order.

use std::collections::VecDeque;

use bytes::Buf as _;

use crate::buffer::WriteBuffer;
use crate::codec::Codec;
use crate::limits::{IDLE_BYTES, MAX_TRANSMIT};
use crate::message::Message;

/// Unsent answers and events, in order; encoded at once, since they are never withdrawn.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Frames, in batches that go to the transport unchanged.
    batches: VecDeque<Batch>,
    /// Answers in all batches.
    answers: usize,
    /// Bytes in all batches.
    bytes: usize,
    /// Bytes of the frames of events in all batches.
    event_bytes: usize,
    /// An empty buffer for the next batch, reused from one that was sent.
    spare: WriteBuffer,
}

#[derive(Debug)]
struct Batch {
    frames: WriteBuffer,
    answers: usize,
    event_bytes: usize,
}

impl Outbox {
    /// Adds an answer, with its metadata in the same batch.
    pub(crate) fn answer(&mut self, codec: &mut dyn Codec, answer: &Message) {
        self.answers += 1;
        let batch = self.last();
        batch.answers += 1;
        let before = batch.frames.remaining();
        codec.encode(answer, &mut batch.frames);
        let bytes = batch.frames.remaining() - before;
        self.bytes += bytes;
    }

    /// Adds an event.
    pub(crate) fn event(&mut self, codec: &mut dyn Codec, event: &[u8]) {
        let batch = self.last();
        let before = batch.frames.remaining();
        codec.encode_event(event, &mut batch.frames);
        let bytes = batch.frames.remaining() - before;
        batch.event_bytes += bytes;
        self.event_bytes += bytes;
        self.bytes += bytes;
    }

    /// Moves some 256 KiB to the transport's buffer.
    pub(crate) fn transmit(&mut self, out: &mut WriteBuffer) {
        while out.remaining() < MAX_TRANSMIT {
            let Some(mut batch) = self.batches.pop_front() else { return };
            self.answers -= batch.answers;
            self.event_bytes -= batch.event_bytes;
            self.bytes -= batch.frames.remaining();
            out.append(&mut batch.frames);
            if batch.frames.capacity() <= MAX_TRANSMIT {
                self.spare = batch.frames;
            }
        }
    }

    /// Frees capacity that an idle connection doesn't need.
    pub(crate) fn free_room(&mut self) {
        if self.spare.capacity() > IDLE_BYTES {
            self.spare = WriteBuffer::new();
        }
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Unsent bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Unsent answers.
    pub(crate) fn answers(&self) -> usize {
        self.answers
    }

    /// Unsent bytes of answers.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.bytes - self.event_bytes
    }

    /// Unsent bytes of events.
    pub(crate) fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// The batch to add to.
    fn last(&mut self) -> &mut Batch {
        if self.batches.back().is_none_or(|last| last.frames.remaining() >= MAX_TRANSMIT) {
            let frames = std::mem::take(&mut self.spare);
            self.batches.push_back(Batch { frames, answers: 0, event_bytes: 0 });
        }
        self.batches.back_mut().expect("one was added")
    }
}
