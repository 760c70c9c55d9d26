//! The events of a connection for its owner.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brpc_core::{DisconnectReason, Refusal, Wire};
use bytes::Bytes;

use crate::credentials::Proof;
use crate::description::Description;
use crate::message::{Call, CallId, DrainCause, Hello, Origin, Recalled};
use crate::resume::Suspension;
use crate::settlement::Settlement;
use crate::terms::Terms;

/// An event of a connection for its owner. `T` is a caller.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<T> {
    /// At a hub: the peer speaks a protocol that isn't accepted, and began with these bytes, at
    /// most eight. The connection sends it a short reply in that protocol, if there is one. Only
    /// `Refused` follows, if it is a plugin that isn't accepted here, and `Closed`.
    Stranger(Wire, Box<[u8]>),
    /// At a hub: a plugin sends a description of more bytes than the connection may hold. It wants
    /// room for so many in all, twice as many as before. Answer with
    /// [`grant_room`](crate::Connection::grant_room) or [`refuse`](crate::Connection::refuse), at any
    /// time before the handshake's deadline; until then the plugin is held back.
    WantsRoom(usize),
    /// At a hub: a plugin sent Hello. Answer with [`accept`](crate::Connection::accept) or
    /// [`refuse`](crate::Connection::refuse), at any time before the handshake's deadline; before that,
    /// [`challenge`](crate::Connection::challenge) asks the plugin for a proof.
    Hello(Arc<Hello>),
    /// At a hub: a plugin has answered a [`challenge`](crate::Connection::challenge), right or wrong.
    /// The Hello is still to be answered. Boxed: events are moved often, and with it each would be too
    /// large to be moved in place.
    Proof(Box<Proof>),
    /// At a hub: a plugin has described itself. Answer with [`welcome`](crate::Connection::welcome)
    /// or [`refuse`](crate::Connection::refuse), at any time before the handshake's deadline.
    Described(Arc<Description>),
    /// The hub welcomed the plugin, on these terms. Calls can be sent.
    Welcomed(Box<Terms>),
    /// The hub refused the plugin. Only `Closed` follows. On a wire without Welcome, it comes after
    /// `Welcomed`.
    Refused(Refusal),
    /// A call of this side is settled; its caller is returned.
    Settled(T, Settlement),
    /// A method is called; answer with [`answer`](crate::Connection::answer).
    Call {
        /// The id for the answer.
        id: CallId,
        /// The call.
        call: Call,
        /// Its deadline; `None` if it has none.
        deadline: Option<Instant>,
    },
    /// A call of an earlier connection goes on under this id; answer it as any other.
    Continue {
        /// The id for the answer.
        id: CallId,
        /// Which call.
        origin: Origin,
    },
    /// The call was cancelled. It must still be answered.
    Cancel(CallId),
    /// The hub has the answer to this resumable call, or has given it up.
    Confirmed(CallId),
    /// The hub has named all calls that go on; the rest of what the plugin keeps is not wanted.
    Resumed,
    /// At a hub: the plugin says what it knows of earlier connections. After the last part, submit the
    /// calls that go on, and then call [`resumed`](crate::Connection::resumed).
    Resume(Recalled),
    /// A call of this side whose connection is lost, and that may go on over another one; its caller is
    /// returned, and is not settled.
    Suspended(T, Box<Suspension>),
    /// At a plugin: the connection is lost, and resumable calls may go on over another one. No call
    /// with a higher id than this has arrived. `Closed` follows.
    Lost(CallId),
    /// The peer sent an event. When it is consumed, return its credit with
    /// [`return_credit`](crate::Connection::return_credit).
    Message(Bytes),
    /// Events can be sent again.
    Credit,
    /// Handlers can be started again, after [`may_start`](crate::Connection::may_start) said no.
    Room,
    /// The hub asks the plugin to leave, with this trace id. Answer the running calls; the
    /// connection then sends Goodbye by itself.
    Drain(DrainCause, String),
    /// The hub wants the plugin to dial again when the connection has ended, after so long at the
    /// earliest.
    Return(Duration),
    /// The peer lives: something was heard of it after a [`probe`](crate::Connection::probe).
    Alive,
    /// The peer lives, but has passed nothing on for so long; `None` if it does again.
    Stuck(Option<Duration>),
    /// The text of the peer's Goodbye. For logs; it may be any text.
    LastWords(String),
    /// The connection is over. No event follows.
    Closed(DisconnectReason, Tally),
}

/// The calls of a session that was drained, and how they ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tally {
    /// Calls that the peer answered after it was asked to leave.
    pub finished: usize,
    /// Calls that were cut off.
    pub cut: usize,
    /// Whether the peer had not left when the grace period was over, and was cut off.
    pub overstayed: bool,
}
