//! What a plugin is to send: answers and events, in order.

use std::collections::VecDeque;

use bytes::Buf as _;

use super::CallId;
use crate::Metadata;
use crate::answer::Answer;
use crate::codec::{PluginWire, ToHub};
use crate::limits::MAX_TRANSMIT;
use crate::wire::WriteBuffer;

/// How much room for what is to be sent next any connection keeps.
const KEPT: usize = 4 * 1024;

/// Answers and events that are to be sent, in order; encoded at once, since nothing of them is ever
/// taken back.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Frames, in portions that are handed to the transport as they are.
    portions: VecDeque<Portion>,
    /// Answers in all portions.
    answers: usize,
    /// Bytes of the frames of events in all portions.
    event_bytes: usize,
    /// Empty; what was handed over gave its room for that of the transport.
    spare: WriteBuffer,
}

#[derive(Debug)]
struct Portion {
    frames: WriteBuffer,
    answers: usize,
    event_bytes: usize,
}

impl Outbox {
    /// Adds an answer, with what goes along with it in the same portion.
    pub(crate) fn answer(
        &mut self,
        wire: &mut PluginWire,
        id: CallId,
        answer: &Answer,
        metadata: &Metadata,
    ) {
        self.answers += 1;
        let portion = self.last();
        portion.answers += 1;
        wire.answer(id, answer, metadata, &mut portion.frames);
    }

    /// Adds an event.
    pub(crate) fn event(&mut self, wire: &mut PluginWire, payload: &[u8]) {
        let portion = self.last();
        let before = portion.frames.remaining();
        wire.encode(ToHub::Event(payload), &mut portion.frames);
        let bytes = portion.frames.remaining() - before;
        portion.event_bytes += bytes;
        self.event_bytes += bytes;
    }

    /// Hands some 256 KiB over to be sent.
    pub(crate) fn transmit(&mut self, out: &mut WriteBuffer) {
        while out.remaining() < MAX_TRANSMIT {
            let Some(mut portion) = self.portions.pop_front() else { return };
            self.answers -= portion.answers;
            self.event_bytes -= portion.event_bytes;
            out.append(&mut portion.frames);
            if portion.frames.capacity() <= MAX_TRANSMIT {
                self.spare = portion.frames;
            }
        }
    }

    /// Gives back room that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        if self.spare.capacity() > KEPT {
            self.spare = WriteBuffer::new();
        }
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.portions.is_empty()
    }

    /// How many bytes there are to send.
    pub(crate) fn bytes(&self) -> usize {
        self.portions.iter().map(|portion| portion.frames.remaining()).sum()
    }

    /// How many answers are to be sent.
    pub(crate) fn answers(&self) -> usize {
        self.answers
    }

    /// Bytes of the events that are to be sent.
    pub(crate) fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// The portion to add to.
    fn last(&mut self) -> &mut Portion {
        if self.portions.back().is_none_or(|last| last.frames.remaining() >= MAX_TRANSMIT) {
            let frames = std::mem::take(&mut self.spare);
            self.portions.push_back(Portion { frames, answers: 0, event_bytes: 0 });
        }
        self.portions.back_mut().expect("one was added")
    }
}
