//! What a connection tells its owner.

use std::sync::Arc;
use std::time::Instant;

use brpc_core::{DisconnectReason, Refusal, Wire};
use bytes::Bytes;

use crate::description::Description;
use crate::message::{Call, CallId, DrainCause, Hello};
use crate::settlement::Settlement;
use crate::terms::Terms;

/// What a connection tells its owner. `T` stands for a caller of its.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<T> {
    /// To a hub: the peer speaks something that it doesn't take, and began with these bytes, eight at
    /// most. It is told so in a few words of its own, if there are any. Nothing follows but
    /// `Refused`, if it is a plugin that is not taken here, and `Closed`.
    Stranger(Wire, Box<[u8]>),
    /// To a hub: a plugin says more of itself than [`MAX_HELLO`](crate::limits::MAX_HELLO) bytes.
    /// Answer with [`grant_room`](crate::Connection::grant_room) or
    /// [`refuse`](crate::Connection::refuse).
    WantsRoom,
    /// To a hub: a plugin says who it is. Answer with [`accept`](crate::Connection::accept) or
    /// [`refuse`](crate::Connection::refuse), at any time before the handshake's deadline.
    Hello(Arc<Hello>),
    /// To a hub: a plugin has described itself. Answer with
    /// [`welcome`](crate::Connection::welcome) or [`refuse`](crate::Connection::refuse), at any time
    /// before the handshake's deadline.
    Described(Arc<Description>),
    /// The hub let the plugin in, on these terms. Calls can go.
    Welcomed(Box<Terms>),
    /// The plugin was not let in. Nothing follows but `Closed`. On a wire whose hub says nothing to
    /// those that it lets in, it comes after `Welcomed`.
    Refused(Refusal),
    /// A call of this side's ended; its caller is handed back.
    Settled(T, Settlement),
    /// A method is to be run; answer with [`answer`](crate::Connection::answer).
    Call {
        /// Goes with the answer.
        id: CallId,
        /// The call.
        call: Call,
        /// When its time is over; `None` if it has no limit.
        deadline: Option<Instant>,
    },
    /// Nobody waits for this call any more. It is to be answered all the same.
    Cancel(CallId),
    /// The peer sent an event. When it is consumed, give its credit back with
    /// [`return_credit`](crate::Connection::return_credit).
    Message(Bytes),
    /// Events can be sent again.
    Credit,
    /// The hub wants the plugin to leave, with this trace id. Calls that run are to be answered;
    /// the goodbye follows by itself.
    Drain(DrainCause, String),
    /// The peer said goodbye, and why. For logs; it may be any text.
    LastWords(String),
    /// The connection is over. No event follows.
    Closed(DisconnectReason, Tally),
}

/// How many calls a session that was asked to end still had, and what became of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tally {
    /// Calls that the peer answered after it was asked to leave.
    pub finished: usize,
    /// Calls that were cut off.
    pub cut: usize,
    /// Whether the peer had not left when its grace was over, and was cut off.
    pub overstayed: bool,
}
