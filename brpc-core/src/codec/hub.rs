//! The hub's end of a wire.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::native::NativeHub;
use crate::answer::Failure;
use crate::describe::Description;
use crate::handshake::Greeting;
use crate::session::{CallId, DrainCause, Farewell, NewCall};
use crate::wire::{FrameReader, WriteBuffer};
use crate::{DisconnectReason, Metadata, ProtocolError, Refusal};

/// What a plugin says in a session.
#[derive(Debug)]
pub enum FromPlugin {
    /// The output of a call.
    Output {
        /// Of which call.
        id: CallId,
        /// The output, encoded.
        output: Bytes,
        /// What goes along with it.
        metadata: Metadata,
    },
    /// A call has no output.
    Failed {
        /// Which call.
        id: CallId,
        /// Why. Boxed, so that messages which come often stay small.
        failure: Box<Failure>,
        /// What goes along with it.
        metadata: Metadata,
    },
    /// An event.
    Event(Bytes),
    /// It leaves when what runs has ended. Calls above this id are not started.
    Leave {
        /// The last call that is.
        last_id: CallId,
    },
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

/// What a plugin is told in a session, or instead of one.
#[derive(Clone, Copy, Debug)]
pub enum ToPlugin<'a> {
    /// Run a method.
    Call {
        /// Goes with the answer.
        id: CallId,
        /// What is to be run.
        call: &'a NewCall,
        /// The time, for what is left of the call's.
        now: Instant,
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

    /// Appends a message, or nothing if the wire can't carry it.
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

impl HubWire {
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(_))
    }

    /// Takes the next message off the input.
    #[inline]
    pub(crate) fn next(
        &mut self,
        input: &mut BytesMut,
        reader: &FrameReader,
    ) -> Result<Option<FromPlugin>, ProtocolError> {
        match self {
            Self::Native(native) => native.next(input, reader),
            Self::Foreign(codec) => codec.next(input, reader.limit()),
        }
    }

    /// Appends a message.
    #[inline]
    pub(crate) fn encode(&mut self, message: ToPlugin<'_>, out: &mut WriteBuffer) {
        match self {
            Self::Native(_) => NativeHub::encode(message, out),
            Self::Foreign(codec) => codec.encode(message, out),
        }
    }
}
