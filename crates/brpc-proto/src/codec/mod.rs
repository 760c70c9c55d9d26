//! Codecs, between a connection and the bytes of its wire.
//!
//! A connection handles [messages](Message); a codec gives them the form of its wire. There is one
//! session machine, with a codec for each wire: the native one is here, others implement [`Codec`].
//!
//! If a wire can't carry something, its codec leaves it out and says so in its [`Traits`], and this
//! side does without: a cancelled call keeps its place until it is answered, only the caller's side
//! enforces a deadline, and without credit this side stops reading.

mod native;

use std::fmt;

use brpc_core::{ProtocolError, Refusal};
use bytes::{Bytes, BytesMut};

pub(crate) use self::native::size;
pub use self::native::{Native, number};
use crate::buffer::WriteBuffer;
use crate::message::Message;
use crate::names::NameRules;

/// One side of one wire, for one connection.
pub trait Codec: fmt::Debug + Send {
    /// What the wire can carry. The same for all of its connections.
    fn traits(&self) -> Traits;

    /// Takes the next message off the input; `None` if it isn't complete. A message of more than
    /// `limit` bytes is a fault before it has arrived.
    ///
    /// # Errors
    /// What is wrong with the peer's bytes. After that the codec only encodes a last message.
    fn decode(&mut self, input: &mut BytesMut, limit: usize) -> Result<Option<Message>, Fault>;

    /// Appends a message, or nothing if the wire can't carry it.
    fn encode(&mut self, message: &Message, out: &mut WriteBuffer);

    /// SHA-256 of the body of the `Hello` that has passed, if that offers a [key](crate::Key). `None` on
    /// a wire without a challenge.
    fn hello_digest(&self) -> Option<[u8; 32]> {
        None
    }

    /// Appends an event without a message around it. Implement this where it costs less: small
    /// events are many.
    fn encode_event(&mut self, event: &[u8], out: &mut WriteBuffer) {
        self.encode(&Message::Event(Bytes::copy_from_slice(event)), out);
    }
}

/// What a wire can carry.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a list of what there is and isn't")]
pub struct Traits {
    /// The hub answers a `Hello` with `Accepted`, and registers a plugin with `Welcome`. If false,
    /// a `Hello` includes the description, and a plugin that has sent it counts as registered
    /// unless a refusal arrives.
    pub has_welcome: bool,
    /// The peer knows how much it may send: credit for events, and the limit of calls. If false,
    /// this side holds it back by not reading.
    pub has_credit: bool,
    /// A call can be cancelled.
    pub has_cancel: bool,
    /// A side announces that it leaves, and why. If false, the end of the stream says so.
    pub has_goodbye: bool,
    /// The rules for names.
    pub names: &'static NameRules,
}

/// What is wrong with the peer's bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It breaks the protocol.
    Breach(ProtocolError),
    /// The plugin is refused, and gets this reason. Only after a `Hello` or a `Describe`.
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
