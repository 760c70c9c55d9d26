//! What stands between a connection and the bytes of its wire.
//!
//! A connection knows [messages](Message); a wire knows how they look as bytes. There is one session
//! machine, and a codec below it for each wire: the native one is here, others implement [`Codec`].
//!
//! What a wire can't carry is left out by its codec, which says so in its [`Traits`], and done on
//! this side alone: a cancelled call keeps its place until it is answered, a deadline is kept by the
//! caller's side, and where there is no credit this side stops reading instead.

mod native;

use std::fmt;

use brpc_core::{ProtocolError, Refusal};
use bytes::{Bytes, BytesMut};

pub use self::native::Native;
use crate::buffer::WriteBuffer;
use crate::message::Message;
use crate::names::NameRules;

/// One side of one wire, for one connection.
pub trait Codec: fmt::Debug + Send {
    /// What the wire can carry. The same for all of its connections.
    fn traits(&self) -> Traits;

    /// Takes the next message off the input; `None` if it isn't complete. A message of more than
    /// `limit` bytes is a fault before it has come.
    ///
    /// # Errors
    /// What is wrong with what the peer says. Nothing is asked of the codec afterwards but a last
    /// message.
    fn decode(&mut self, input: &mut BytesMut, limit: usize) -> Result<Option<Message>, Fault>;

    /// Appends a message, or nothing if the wire can't carry it.
    fn encode(&mut self, message: &Message, out: &mut WriteBuffer);

    /// Appends an event that lies elsewhere. To be implemented where it takes less than a message of
    /// its own: small events are many.
    fn encode_event(&mut self, event: &[u8], out: &mut WriteBuffer) {
        self.encode(&Message::Event(Bytes::copy_from_slice(event)), out);
    }
}

/// What a wire can carry.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a list of what there is and isn't")]
pub struct Traits {
    /// A hub says whether it accepts a `Hello`, and lets a plugin in with a `Welcome`. If not, a
    /// `Hello` has the description with it, and a plugin that said it counts as let in until it is
    /// refused.
    pub has_welcome: bool,
    /// The peer knows how much it may send: credit for events, and how many calls at once. If not, it
    /// is held back by not reading from it.
    pub has_credit: bool,
    /// A call can be cancelled.
    pub has_cancel: bool,
    /// A side says that it leaves, and why. If not, the end of the stream says so.
    pub has_goodbye: bool,
    /// What names look like.
    pub names: &'static NameRules,
}

/// What is wrong with what a peer says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It breaks the protocol.
    Breach(ProtocolError),
    /// A plugin can't be let in, and is told why. Only of a `Hello` or a `Describe`.
    Refuse(Refusal),
}

impl From<ProtocolError> for Fault {
    fn from(error: ProtocolError) -> Self {
        Self::Breach(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}
