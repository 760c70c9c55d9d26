//! What a connection tells its owner.

use std::sync::Arc;

use bytes::Bytes;

use crate::codec::Protocol;
use crate::describe::Description;
use crate::handshake::{Greeting, Terms};
use crate::session::{CallId, DrainCause, IncomingCall, Settlement, Tally};
use crate::{DisconnectReason, Refusal};

/// What the hub's side of a connection tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum HubEvent<T> {
    /// The peer speaks something that this hub doesn't, and began with these bytes, eight at most.
    /// It is told so in a few words of its own, if there are any. Nothing follows but `Refused`, if
    /// it is a plugin that is not taken here, and `Closed`.
    Stranger(Protocol, Box<[u8]>),
    /// A plugin of another wire than the native one says more of itself than
    /// [`MAX_HELLO`](crate::limits::MAX_HELLO) bytes. Answer with
    /// [`grant_room`](crate::HubConnection::grant_room) or
    /// [`refuse`](crate::HubConnection::refuse).
    WantsRoom,
    /// A plugin says who it is. Answer with [`accept`](crate::HubConnection::accept) or
    /// [`refuse`](crate::HubConnection::refuse). In a box, since it comes once and is larger than
    /// what comes often.
    Greeted(Box<Greeting>),
    /// A plugin has described itself. Answer with [`welcome`](crate::HubConnection::welcome) or
    /// [`refuse`](crate::HubConnection::refuse).
    Described(Arc<Description>),
    /// A call ended; its caller is handed back.
    Settled(T, Settlement),
    /// The plugin sent an event. When it is consumed, give its credit back with
    /// [`return_credit`](crate::HubConnection::return_credit).
    Message(Bytes),
    /// The plugin was not let in. Nothing follows but `Closed`.
    Refused(Refusal),
    /// The plugin said goodbye, and why. For logs; it may be any text.
    LastWords(String),
    /// The connection is over. No event follows.
    Closed(DisconnectReason, Tally),
}

/// What the plugin's side of a connection tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum PluginEvent {
    /// The hub let this plugin in.
    Welcomed(Terms),
    /// The hub did not let this plugin in. Nothing follows but `Closed`. On a wire whose hub says
    /// nothing to those that it lets in, it comes after `Welcomed`.
    Refused(Refusal),
    /// A method is to be run; answer with [`answer`](crate::PluginConnection::answer).
    Call(IncomingCall),
    /// Nobody waits for this call any more. It is to be answered all the same.
    Cancel(CallId),
    /// Events can be sent again.
    Credit,
    /// The hub wants the plugin to leave, with this trace id. Calls that run are to be answered;
    /// the goodbye follows by itself.
    Drain(DrainCause, String),
    /// The hub said goodbye, and why. For logs; it may be any text.
    LastWords(String),
    /// The connection is over. No event follows.
    Closed(DisconnectReason),
}
