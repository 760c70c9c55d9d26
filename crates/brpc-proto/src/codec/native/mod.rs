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
use crate::message::{Hello, Message, Welcome, kind};
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
    /// SHA-256 of the body of the Hello, if that offers a key. Boxed: it is for the handshake only, and
    /// most have none.
    hello_digest: Option<Box<[u8; 32]>>,
    /// Whether a Proof is due: the hub has sent a Challenge.
    is_challenged: bool,
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
            hello_digest: None,
            is_challenged: false,
        }
    }

    /// Judges the kind of the next frame, before the rest of it arrives: in the handshake only the
    /// kind that is due may be as large as its limit says.
    fn judge(&self, kind: u8) -> Result<(), ProtocolError> {
        let is_due = match kind {
            // An answer directly follows its metadata.
            kind if self.announced.is_some() => matches!(kind, kind::REPLY | kind::FAILED),
            kind::HELLO => self.role == Role::Hub && self.plugin_versions.is_none(),
            kind::DESCRIBE => self.plugin_versions.is_some() && !self.is_let_in,
            kind::PROOF => self.role == Role::Hub && self.is_challenged,
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
            Message::Welcome(welcome) => self.encode_welcome(welcome, out),
            Message::Hello(hello) => {
                let body = encode::hello(hello, out);
                self.note_hello(hello, &body);
            }
            message => {
                self.is_challenged |= matches!(message, Message::Challenge { .. });
                encode::message(message, out);
            }
        }
    }

    fn hello_digest(&self) -> Option<[u8; 32]> {
        self.hello_digest.as_deref().copied()
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

    #[cold]
    fn encode_welcome(&mut self, welcome: &Welcome, out: &mut WriteBuffer) {
        self.let_in();
        let versions = self.plugin_versions.expect("a plugin is welcomed after its Hello");
        encode::welcome(welcome, versions, out);
    }

    /// Notes that the plugin is welcomed.
    fn let_in(&mut self) {
        self.is_let_in = true;
        self.hello_digest = None;
    }

    /// Notes the body of a Hello that passes, if a proof may be about it.
    fn note_hello(&mut self, hello: &Hello, body: &[u8]) {
        self.hello_digest = hello.key.is_some().then(|| Box::new(Sha256::digest(body).into()));
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
                self.is_challenged = false;
                decode::proof(frame)?
            }
            _ => decode::refused(frame)?,
        })
    }
}
