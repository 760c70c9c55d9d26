//! The messages of a connection, on every wire.

mod beat;
mod call;
mod goodbye;
mod handshake;
mod id;
mod resume;

use std::sync::Arc;
use std::time::Duration;

use brpc_core::{Answer, Metadata, Refusal};
use bytes::Bytes;

pub use self::beat::Beat;
pub use self::call::{Admission, Call};
pub(crate) use self::call::{millis, timeout_ms};
pub use self::goodbye::{DrainCause, Farewell};
pub use self::handshake::{Features, Hello, Welcome};
pub use self::id::CallId;
pub use self::resume::{Continued, Course, Origin, Recalled, Resumable};
use crate::description::Description;

/// What one side sends to the other. A [`Codec`](crate::codec::Codec) turns it into bytes and back,
/// and leaves out what its wire can't carry.
#[derive(Debug)]
#[non_exhaustive]
pub enum Message {
    /// From a plugin, first: identifies it.
    Hello(Arc<Hello>),
    /// From a hub that decides on a `Hello`: the plugin is to prove that it knows the secret of the
    /// [key](crate::Key) that it offers.
    Challenge {
        /// Random, fresh for each connection.
        nonce: [u8; 32],
    },
    /// From a plugin: answers a Challenge.
    Proof {
        /// The code that only who knows the secret can make.
        mac: [u8; 32],
    },
    /// From a hub: the `Hello` is valid.
    Accepted {
        /// Whether the plugin must describe itself; false if the hub knows a description of that
        /// digest.
        describe: bool,
    },
    /// From a plugin: describes its methods.
    Describe(Arc<Description>),
    /// From a hub: the plugin is registered, on these terms.
    Welcome(Box<Welcome>),
    /// From a hub, last: the plugin is refused.
    Refused(Refusal),
    /// Calls a method. The id rises from call to call.
    Call(CallId, Call),
    /// A call of an earlier connection goes on, under an id as a new call would have. Only with
    /// [`Features::RESUME`], as all of its kind.
    Continue {
        /// Its id from now on.
        id: CallId,
        /// Which call.
        origin: Origin,
        /// The time left until its deadline; `None` if it has none.
        timeout: Option<Duration>,
    },
    /// The answer to a resumable call has arrived; nobody asks for it again.
    Confirm(CallId),
    /// All calls of earlier connections that go on were named.
    Resumed,
    /// From a plugin, first after Welcome: what it knows of earlier connections.
    Resume(Recalled),
    /// Cancels a call. It must still be answered.
    Cancel(CallId),
    /// The answer to a call.
    Answer {
        /// The id of the call.
        id: CallId,
        /// The output, or why there is none.
        answer: Answer,
        /// The metadata of the answer.
        metadata: Metadata,
    },
    /// An event.
    Event(Bytes),
    /// Returns credit for events.
    Credit {
        /// How many events.
        events: u32,
        /// How many bytes of events.
        bytes: u64,
    },
    /// Asks the plugin to answer its calls and leave. No call follows.
    Drain {
        /// Why.
        cause: DrainCause,
        /// The grace period.
        grace: Duration,
        /// The trace id of the request.
        trace: String,
    },
    /// From a hub: when the connection has ended, the plugin is to dial again.
    Return {
        /// After how long at the earliest.
        after: Duration,
    },
    /// This side answers its calls and leaves. It doesn't start calls above this id.
    Leave {
        /// The id of the last call that it answers.
        last_id: CallId,
    },
    /// Asks for a Pong. Only with [`Features::HEARTBEAT`].
    Ping(Beat),
    /// Answers a Ping.
    Pong(Beat),
    /// Last: the connection ends.
    Goodbye {
        /// Why, for programs.
        farewell: Farewell,
        /// Why, for people; may be empty.
        text: String,
    },
    /// A message of a later version, which can be skipped.
    Skipped,
}

impl Message {
    /// The number of its kind, as in `docs/protocol.md`.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => kind::HELLO,
            Self::Accepted { .. } => kind::ACCEPTED,
            Self::Challenge { .. } => kind::CHALLENGE,
            Self::Proof { .. } => kind::PROOF,
            Self::Refused(_) => kind::REFUSED,
            Self::Describe(_) => kind::DESCRIBE,
            Self::Welcome(_) => kind::WELCOME,
            Self::Call(_, Call { resumable: Some(_), .. }) => kind::RESUMABLE,
            Self::Call(..) => kind::CALL,
            Self::Continue { .. } => kind::CONTINUE,
            Self::Confirm(_) => kind::CONFIRM,
            Self::Resumed => kind::RESUMED,
            Self::Resume(_) => kind::RESUME,
            Self::Cancel(_) => kind::CANCEL,
            Self::Credit { .. } => kind::CREDIT,
            Self::Drain { .. } => kind::DRAIN,
            Self::Return { .. } => kind::RETURN,
            Self::Answer { answer: Ok(_), .. } => kind::REPLY,
            Self::Answer { answer: Err(_), .. } => kind::FAILED,
            Self::Event(_) => kind::EVENT,
            Self::Leave { .. } => kind::LEAVE,
            Self::Goodbye { .. } => kind::GOODBYE,
            Self::Ping(_) => kind::PING,
            Self::Pong(_) => kind::PONG,
            Self::Skipped => *kind::IGNORABLE.start(),
        }
    }
}

/// The kinds of messages. A number is never reused.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 0x01;
    pub(crate) const ACCEPTED: u8 = 0x02;
    pub(crate) const REFUSED: u8 = 0x03;
    pub(crate) const DESCRIBE: u8 = 0x04;
    pub(crate) const WELCOME: u8 = 0x05;
    pub(crate) const CHALLENGE: u8 = 0x06;
    pub(crate) const PROOF: u8 = 0x07;
    pub(crate) const CALL: u8 = 0x10;
    pub(crate) const CANCEL: u8 = 0x11;
    pub(crate) const CREDIT: u8 = 0x12;
    pub(crate) const DRAIN: u8 = 0x13;
    pub(crate) const RESUMABLE: u8 = 0x14;
    pub(crate) const CONTINUE: u8 = 0x15;
    pub(crate) const CONFIRM: u8 = 0x16;
    pub(crate) const RESUMED: u8 = 0x17;
    pub(crate) const REPLY: u8 = 0x18;
    pub(crate) const FAILED: u8 = 0x19;
    pub(crate) const EVENT: u8 = 0x1A;
    pub(crate) const LEAVE: u8 = 0x1B;
    pub(crate) const METADATA: u8 = 0x1C;
    pub(crate) const RESUME: u8 = 0x1D;
    pub(crate) const GOODBYE: u8 = 0x1F;
    pub(crate) const PING: u8 = 0x20;
    pub(crate) const PONG: u8 = 0x21;
    pub(crate) const RETURN: u8 = 0x90;

    /// Kinds that a receiver skips if it doesn't know them. It must know all others.
    pub(crate) const IGNORABLE: std::ops::RangeInclusive<u8> = 0x80..=0xBF;
}
