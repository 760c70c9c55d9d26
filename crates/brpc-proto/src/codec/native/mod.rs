//! The native wire: frames with a header in postcard's format. `docs/protocol.md` specifies it.

mod decode;
mod encode;
mod frame;
mod header;
mod interval;
mod key;
mod labels;
mod list;
pub mod number;
mod preface;
pub(crate) mod size;

use brpc_core::{Metadata, ProtocolError};
use bytes::BytesMut;
use sha2::{Digest as _, Sha256};

use self::frame::{Frame, next_frame};
use self::preface::{PREFACE, read_preface};
use super::{Codec, Fault, Traits};
use crate::buffer::WriteBuffer;
use crate::message::{Hello, Message, kind};
use crate::names::NameRules;
use crate::role::Role;

/// The lowest version of the protocol that this crate speaks.
const MIN_VERSION: u8 = 1;

/// The highest version of the protocol that this crate speaks.
const MAX_VERSION: u8 = 1;

/// One side of the native wire.
#[derive(Debug)]
pub struct Native {
    /// This side's role.
    role: Role,
    /// Whether this side has sent its preface, which precedes its first message.
    has_spoken: bool,
    /// Whether the peer's preface has arrived.
    has_heard: bool,
    /// Whether the plugin is welcomed: before that only messages of the handshake are valid,
    /// afterwards only others.
    is_let_in: bool,
    /// The versions that the plugin speaks, as the hub received them in its Hello.
    plugin_versions: Option<(u8, u8)>,
    /// The metadata of the answer in the next frame, if it has arrived.
    announced: Option<Metadata>,
    /// In the handshake of a plugin that offers a key. Boxed, since most connections have none.
    provable: Option<Box<Provable>>,
}

/// What there is to prove in a handshake.
#[derive(Debug)]
struct Provable {
    /// SHA-256 of the body of the Hello.
    hello_digest: [u8; 32],
    /// Whether the Proof is due: the hub has sent a Challenge.
    is_asked: bool,
}

impl Native {
    /// This side of the native wire.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            has_spoken: false,
            has_heard: false,
            is_let_in: false,
            plugin_versions: None,
            announced: None,
            provable: None,
        }
    }

    /// How many bytes the length of a Hello's frame counts, at most: a connection may still choose some
    /// of its numbers.
    pub fn hello_size(hello: &Hello) -> usize {
        /// What the connection may add: a bit of a feature, and the interval of heartbeats.
        const CHOSEN: usize = 8;
        CHOSEN + 1 + encode::hello(hello, &mut WriteBuffer::new()).len()
    }

    /// Judges the kind of the next frame, before the rest of it arrives: in the handshake only the
    /// kind that is due may be as large as its limit says.
    fn judge(&self, kind: u8) -> Result<(), ProtocolError> {
        let is_due = match kind {
            // An answer directly follows its metadata.
            kind if self.announced.is_some() => matches!(kind, kind::REPLY | kind::FAILED),
            kind::HELLO => self.role == Role::Hub && self.plugin_versions.is_none(),
            kind::DESCRIBE => self.plugin_versions.is_some() && !self.is_let_in,
            kind::PROOF => {
                let is_asked = self.provable.as_ref().is_some_and(|provable| provable.is_asked);
                self.role == Role::Hub && is_asked
            }
            kind::CHALLENGE | kind::ACCEPTED | kind::REFUSED | kind::WELCOME => {
                self.role == Role::Plugin && !self.is_let_in
            }
            kind::CALL..=kind::RESUMED | kind::RETURN => {
                self.role == Role::Plugin && self.is_let_in
            }
            kind::REPLY..=kind::RESUME => self.role == Role::Hub && self.is_let_in,
            kind::GOODBYE | kind::PING | kind::PONG => self.is_let_in,
            kind if kind::IGNORABLE.contains(&kind) => self.is_let_in,
            kind => return Err(ProtocolError::UnknownKind { kind }),
        };
        if is_due { Ok(()) } else { Err(ProtocolError::UnexpectedFrame { kind }) }
    }
}

impl Codec for Native {
    fn traits(&self) -> Traits {
        Traits {
            has_welcome: true,
            has_credit: true,
            has_cancel: true,
            has_goodbye: true,
            names: &NameRules::NATIVE,
        }
    }

    fn decode(&mut self, input: &mut BytesMut, limit: usize) -> Result<Option<Message>, Fault> {
        if !self.has_heard {
            if !read_preface(input)? {
                return Ok(None);
            }
            self.has_heard = true;
        }
        while let Some(frame) = next_frame(input, limit, |kind| self.judge(kind))? {
            if frame.kind == kind::METADATA {
                self.announced = Some(decode::metadata(&frame)?);
                continue;
            }
            return if self.is_let_in {
                decode::message(frame, &mut self.announced).map(Some)
            } else {
                self.decode_handshake(&frame).map(Some)
            };
        }
        Ok(None)
    }

    fn encode(&mut self, message: &Message, out: &mut WriteBuffer) {
        if !self.has_spoken {
            self.speak(out);
        }
        match message {
            Message::Hello(_) | Message::Challenge { .. } | Message::Welcome(_) => {
                self.encode_handshake(message, out);
            }
            message => encode::message(message, out),
        }
    }

    fn hello_digest(&self) -> Option<[u8; 32]> {
        Some(self.provable.as_ref()?.hello_digest)
    }

    fn encode_event(&mut self, event: &[u8], out: &mut WriteBuffer) {
        encode::event(event, out);
    }
}

impl Native {
    /// Sends the preface.
    #[cold]
    fn speak(&mut self, out: &mut WriteBuffer) {
        self.has_spoken = true;
        out.with(|bytes| bytes.extend_from_slice(&PREFACE));
    }

    /// Encodes a message of the handshake after which other frames are due.
    #[cold]
    fn encode_handshake(&mut self, message: &Message, out: &mut WriteBuffer) {
        match message {
            Message::Hello(hello) => {
                let body = encode::hello(hello, out);
                self.note_hello(hello, &body);
            }
            Message::Welcome(welcome) => {
                self.let_in();
                let versions = self.plugin_versions.expect("a plugin is welcomed after its Hello");
                encode::welcome(welcome, versions, out);
            }
            message => {
                self.note_asked(true);
                encode::message(message, out);
            }
        }
    }

    /// Notes that the plugin is welcomed.
    fn let_in(&mut self) {
        self.is_let_in = true;
        self.provable = None;
    }

    /// Notes the body of a Hello that passes, if a proof may be about it.
    fn note_hello(&mut self, hello: &Hello, body: &[u8]) {
        self.provable = hello.key.is_some().then(|| {
            Box::new(Provable { hello_digest: Sha256::digest(body).into(), is_asked: false })
        });
    }

    /// Notes whether a Proof is due.
    fn note_asked(&mut self, is_asked: bool) {
        self.provable.iter_mut().for_each(|provable| provable.is_asked = is_asked);
    }

    /// The message of a frame in the handshake.
    fn decode_handshake(&mut self, frame: &Frame) -> Result<Message, Fault> {
        Ok(match frame.kind {
            kind::HELLO => {
                let (hello, versions) = decode::hello(frame)?;
                self.plugin_versions = Some(versions);
                self.note_hello(&hello, &frame.body);
                Message::Hello(hello.into())
            }
            kind::DESCRIBE => Message::Describe(decode::description(frame)?.into()),
            kind::WELCOME => {
                let welcome = decode::welcome(frame)?;
                self.let_in();
                Message::Welcome(welcome.into())
            }
            kind::ACCEPTED => decode::accepted(frame)?,
            kind::CHALLENGE => decode::challenge(frame)?,
            kind::PROOF => {
                self.note_asked(false);
                decode::proof(frame)?
            }
            _ => decode::refused(frame)?,
        })
    }
}
