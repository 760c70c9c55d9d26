//! What one side of a connection says to the other, whatever the wire.

mod call;
mod goodbye;
mod handshake;

use std::sync::Arc;
use std::time::Duration;

use brpc_core::{Answer, Metadata, Refusal};
use bytes::Bytes;

pub(crate) use self::call::millis;
pub use self::call::{Admission, Call, CallId};
pub use self::goodbye::{DrainCause, Farewell};
pub use self::handshake::{Features, Hello, Welcome};
use crate::description::Description;

/// What one side says to the other. A [`Codec`](crate::codec::Codec) turns it into bytes and back;
/// what a wire has no words for is left out there.
#[derive(Debug)]
#[non_exhaustive]
pub enum Message {
    /// First, of a plugin: who it is.
    Hello(Arc<Hello>),
    /// Of a hub: the `Hello` is fine. Says whether the plugin is to describe itself.
    Accepted {
        /// False if the hub knows a description of that digest.
        describe: bool,
    },
    /// Of a plugin: what it can do.
    Describe(Arc<Description>),
    /// Of a hub: let in, and on which terms.
    Welcome(Box<Welcome>),
    /// Of a hub, last: not let in.
    Refused(Refusal),
    /// A method is to be run. The id rises from call to call.
    Call(CallId, Call),
    /// Nobody waits for this call any more. It is to be answered all the same.
    Cancel(CallId),
    /// The answer to a call.
    Answer {
        /// Of which call.
        id: CallId,
        /// The output, or why there is none.
        answer: Answer,
        /// What goes along with it.
        metadata: Metadata,
    },
    /// An event.
    Event(Bytes),
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
        /// How long the peer waits.
        grace: Duration,
        /// The trace id of the request.
        trace: String,
    },
    /// This side leaves when what runs has ended. Calls above this id are not started.
    Leave {
        /// The last call that is.
        last_id: CallId,
    },
    /// Last: the connection ends.
    Goodbye {
        /// Why, for programs.
        farewell: Farewell,
        /// Why, for people; may be empty.
        text: String,
    },
    /// Something of a later version, which can be skipped.
    Skipped,
}

impl Message {
    /// The number of its kind, as in `docs/protocol.md`.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => kind::HELLO,
            Self::Accepted { .. } => kind::ACCEPTED,
            Self::Refused(_) => kind::REFUSED,
            Self::Describe(_) => kind::DESCRIBE,
            Self::Welcome(_) => kind::WELCOME,
            Self::Call(..) => kind::CALL,
            Self::Cancel(_) => kind::CANCEL,
            Self::Credit { .. } => kind::CREDIT,
            Self::Drain { .. } => kind::DRAIN,
            Self::Answer { answer: Ok(_), .. } => kind::REPLY,
            Self::Answer { answer: Err(_), .. } => kind::FAILED,
            Self::Event(_) => kind::EVENT,
            Self::Leave { .. } => kind::LEAVE,
            Self::Goodbye { .. } => kind::GOODBYE,
            Self::Skipped => *kind::IGNORABLE.start(),
        }
    }
}

/// The kinds of messages. A number is never given a second meaning.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 0x01;
    pub(crate) const ACCEPTED: u8 = 0x02;
    pub(crate) const REFUSED: u8 = 0x03;
    pub(crate) const DESCRIBE: u8 = 0x04;
    pub(crate) const WELCOME: u8 = 0x05;
    pub(crate) const CALL: u8 = 0x10;
    pub(crate) const CANCEL: u8 = 0x11;
    pub(crate) const CREDIT: u8 = 0x12;
    pub(crate) const DRAIN: u8 = 0x13;
    pub(crate) const REPLY: u8 = 0x18;
    pub(crate) const FAILED: u8 = 0x19;
    pub(crate) const EVENT: u8 = 0x1A;
    pub(crate) const LEAVE: u8 = 0x1B;
    pub(crate) const METADATA: u8 = 0x1C;
    pub(crate) const GOODBYE: u8 = 0x1F;

    /// Kinds that a receiver skips if it doesn't know them. All others it must know.
    pub(crate) const IGNORABLE: std::ops::RangeInclusive<u8> = 0x80..=0xBF;
}
