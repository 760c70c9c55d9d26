//! The plugin's end of a wire.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::native;
use crate::answer::Answer;
use crate::session::{CallId, DrainCause, Farewell};
use crate::wire::{FrameReader, WriteBuffer};
use crate::{DisconnectReason, Introduction, Metadata, ProtocolError, Refusal};

/// What a hub says in a session.
#[derive(Debug)]
pub enum FromHub {
    /// A method is to be run.
    Call {
        /// Rises from call to call.
        id: CallId,
        /// Which of the described methods.
        method: u32,
        /// What is left of its time; `None` if it has no limit.
        timeout: Option<Duration>,
        /// The caller's trace id; may be empty.
        trace: String,
        /// The caller's metadata.
        metadata: Metadata,
        /// The encoded input; empty for none.
        payload: Bytes,
    },
    /// Nobody waits for this call any more.
    Cancel {
        /// Which call.
        id: CallId,
    },
    /// More events may be sent.
    Credit {
        /// So many.
        events: u32,
        /// And bytes of them.
        bytes: u64,
    },
    /// What runs is to finish; no call follows.
    Drain {
        /// Why.
        cause: DrainCause,
        /// The trace id of the request.
        trace: String,
    },
    /// The plugin is not let in, said by a hub that says nothing to one that is.
    Refused(Refusal),
    /// The last of what it says.
    Goodbye {
        /// Why.
        farewell: Farewell,
        /// For people.
        words: Option<String>,
    },
    /// Something of a later version, which can be skipped.
    Skipped,
}

/// What a hub is told in a session.
#[derive(Clone, Copy, Debug)]
pub enum ToHub<'a> {
    /// The answer to a call.
    Answer {
        /// Of which call.
        id: CallId,
        /// The output, or why there is none.
        answer: &'a Answer,
        /// What goes along with it.
        metadata: &'a Metadata,
    },
    /// An event.
    Event(&'a [u8]),
    /// The plugin leaves when what runs has ended. Calls above this id are not started.
    Leave {
        /// The last call that is.
        last_id: CallId,
    },
    /// The connection ends.
    Goodbye {
        /// Why, as the hub is told.
        farewell: Farewell,
        /// Why, as the plugin sees it.
        reason: DisconnectReason,
    },
}

/// The plugin's end of a wire that is not the native one. Its hub says nothing when it lets a plugin
/// in, so the plugin is let in as far as it knows when it has said who it is.
pub trait PluginCodec: fmt::Debug + Send {
    /// Appends what the plugin says of itself.
    fn introduce(&mut self, introduction: &Introduction, out: &mut WriteBuffer);

    /// Takes the next message off the input; `None` if it isn't complete. A message of more than
    /// `limit` bytes is an error before it has come.
    ///
    /// A call of a method that was not described has a number beyond all of them.
    ///
    /// # Errors
    /// How the hub broke the rules of the wire.
    fn next(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<FromHub>, ProtocolError>;

    /// Appends a message, or nothing if the wire can't carry it.
    fn encode(&mut self, message: ToHub<'_>, out: &mut WriteBuffer);
}

/// The wire of a connection.
#[derive(Debug)]
pub(crate) enum PluginWire {
    Native,
    Foreign(Box<dyn PluginCodec>),
}

impl PluginWire {
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(_))
    }

    /// Takes the next message off the input.
    pub(crate) fn next(
        &mut self,
        input: &mut BytesMut,
        reader: &FrameReader,
    ) -> Result<Option<FromHub>, ProtocolError> {
        match self {
            Self::Native => reader.next(input)?.map(native::decode_from_hub).transpose(),
            Self::Foreign(codec) => codec.next(input, reader.limit()),
        }
    }

    /// Appends an answer, with what goes along with it.
    pub(crate) fn answer(
        &mut self,
        id: CallId,
        answer: &Answer,
        metadata: &Metadata,
        out: &mut WriteBuffer,
    ) {
        match self {
            Self::Native => native::encode_answer(id, answer, metadata, out),
            Self::Foreign(codec) => codec.encode(ToHub::Answer { id, answer, metadata }, out),
        }
    }

    /// Appends anything else.
    pub(crate) fn encode(&mut self, message: ToHub<'_>, out: &mut WriteBuffer) {
        match self {
            Self::Native => native::encode_to_hub(message, out),
            Self::Foreign(codec) => codec.encode(message, out),
        }
    }
}
