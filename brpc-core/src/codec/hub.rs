//! The hub's end of a wire.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::native::{self, NativeHub};
use crate::answer::Answer;
use crate::describe::Description;
use crate::handshake::Greeting;
use crate::session::{CallId, DrainCause, Farewell, HubSession, NewCall};
use crate::wire::{FrameReader, WriteBuffer};
use crate::{DisconnectReason, HubEvent, ProtocolError, Refusal};

/// What a plugin says in a session over a wire that is not the native one. The other wires have no
/// words for the rest.
#[derive(Debug)]
pub enum FromPlugin {
    /// The answer to a call.
    Answer {
        /// Of which call.
        id: CallId,
        /// The output, or why there is none.
        answer: Answer,
    },
    /// An event.
    Event(Bytes),
}

/// What a plugin is told in a session besides its calls, or instead of one.
#[derive(Clone, Copy, Debug)]
pub enum ToPlugin<'a> {
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
    /// Finish what runs, and leave. No call follows.
    Drain {
        /// Why.
        cause: DrainCause,
        /// How long the hub waits, in milliseconds.
        grace_ms: u64,
        /// The trace id of the request.
        trace: &'a str,
    },
    /// Not let in.
    Refused(&'a Refusal),
    /// The connection ends.
    Goodbye {
        /// Why, as the plugin is told.
        farewell: Farewell,
        /// Why, as the hub sees it.
        reason: DisconnectReason,
    },
}

/// The hub's end of a wire that is not the native one. It speaks with one plugin.
pub trait HubCodec: fmt::Debug + Send {
    /// Takes off the input what a plugin says of itself; `None` if that isn't complete. It takes no
    /// message of more than `limit` bytes, nor more than that in all.
    ///
    /// # Errors
    /// Why the plugin is not let in; it is told so.
    fn introduction(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<Introduced>, Refusal>;

    /// Takes the next message off the input; `None` if it isn't complete. A message of more than
    /// `limit` bytes is an error before it has come.
    ///
    /// # Errors
    /// How the plugin broke the rules of the wire.
    fn next(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<FromPlugin>, ProtocolError>;

    /// Appends a call; its id goes with the answer.
    fn call(&mut self, id: CallId, call: &NewCall, out: &mut WriteBuffer);

    /// Appends anything else, or nothing if the wire can't carry it.
    fn encode(&mut self, message: ToPlugin<'_>, out: &mut WriteBuffer);
}

/// What a plugin says of itself, all at once.
#[derive(Debug)]
pub struct Introduced {
    /// Who it is. Checked against the rules of its wire.
    pub greeting: Greeting,
    /// What it can do.
    pub description: Arc<Description>,
}

/// Which wires a hub takes on a connection.
#[derive(Clone, Copy, Debug)]
pub struct Wires {
    /// The native one.
    pub native: Entry,
    /// The one of the Go package. `None` if the hub has no codec for it; then it is refused without
    /// a word, since there is nobody to say it.
    pub gob: Option<ForeignWire>,
}

/// A wire that is not the native one.
#[derive(Clone, Copy, Debug)]
pub struct ForeignWire {
    /// Whether it is taken.
    pub entry: Entry,
    /// Makes a codec for one connection.
    pub codec: fn() -> Box<dyn HubCodec>,
}

/// Whether a wire is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Entry {
    /// It is.
    Open,
    /// It is not; the plugin is told this.
    Closed(&'static str),
}

impl Default for Wires {
    /// The native wire alone.
    fn default() -> Self {
        Self { native: Entry::Open, gob: None }
    }
}

/// The wire that a connection has, once it is known.
#[derive(Debug)]
pub(crate) enum HubWire {
    Native(NativeHub),
    Foreign(Box<dyn HubCodec>),
}

/// What comes of a message: the reason why the plugin has left, if it has.
pub(crate) type Taken = Option<DisconnectReason>;

impl HubWire {
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(_))
    }

    /// Takes the next message off the input and has the session take it in; `None` if it isn't
    /// complete. The reason if the plugin has left.
    ///
    /// A native frame goes to where it belongs without being made a [`FromPlugin`] in between, which
    /// would cost a hub some hundredths of a call.
    pub(crate) fn handle_input<T>(
        &mut self,
        input: &mut BytesMut,
        reader: &FrameReader,
        session: &mut HubSession<T>,
        events: &mut VecDeque<HubEvent<T>>,
    ) -> Result<Option<Taken>, ProtocolError> {
        match self {
            Self::Native(native) => {
                let Some(frame) = reader.next(input)? else { return Ok(None) };
                native.handle_frame(frame, session, events).map(Some)
            }
            Self::Foreign(codec) => {
                let Some(message) = codec.next(input, reader.limit())? else { return Ok(None) };
                session.handle(message, events).map(Some)
            }
        }
    }

    /// Appends a call that has so much time left; `None` for no limit.
    pub(crate) fn call(
        &mut self,
        id: CallId,
        call: &NewCall,
        left: Option<Duration>,
        out: &mut WriteBuffer,
    ) {
        match self {
            Self::Native(_) => native::encode_call(id, call, left, out),
            Self::Foreign(codec) => codec.call(id, call, out),
        }
    }

    /// Appends a call with this input, if it has none of its own.
    pub(crate) fn handed_call(
        &mut self,
        id: CallId,
        mut call: NewCall,
        input: &[u8],
        left: Option<Duration>,
        out: &mut WriteBuffer,
    ) {
        match self {
            _ if input.is_empty() => self.call(id, &call, left, out),
            Self::Native(_) => native::encode_call_with(id, &call, input, left, out),
            Self::Foreign(codec) => {
                call.payload = Bytes::copy_from_slice(input);
                codec.call(id, &call, out);
            }
        }
    }

    /// Appends anything else.
    pub(crate) fn encode(&mut self, message: ToPlugin<'_>, out: &mut WriteBuffer) {
        match self {
            Self::Native(_) => native::encode_to_plugin(message, out),
            Self::Foreign(codec) => codec.encode(message, out),
        }
    }
}
