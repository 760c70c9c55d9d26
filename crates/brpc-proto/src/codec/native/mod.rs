//! The native wire: frames with a header in postcard's format. `docs/protocol.md` specifies it.

mod decode;
mod encode;
mod frame;
mod header;
mod interval;
mod labels;
mod list;
pub mod number;
mod preface;
pub(crate) mod size;

use brpc_core::{Metadata, ProtocolError};
use bytes::BytesMut;

use self::frame::{Frame, next_frame};
use self::preface::{PREFACE, read_preface};
use super::{Codec, Fault, Traits};
use crate::buffer::WriteBuffer;
use crate::message::{Message, Welcome, kind};
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
            kind::ACCEPTED | kind::REFUSED | kind::WELCOME => {
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
            message => encode::message(message, out),
        }
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
        self.is_let_in = true;
        let versions = self.plugin_versions.expect("a plugin is welcomed after its Hello");
        encode::welcome(welcome, versions, out);
    }

    /// The message of a frame in the handshake.
    fn decode_handshake(&mut self, frame: &Frame) -> Result<Message, Fault> {
        Ok(match frame.kind {
            kind::HELLO => {
                let (hello, versions) = decode::hello(frame)?;
                self.plugin_versions = Some(versions);
                Message::Hello(hello.into())
            }
            kind::DESCRIBE => Message::Describe(decode::description(frame)?.into()),
            kind::WELCOME => {
                let welcome = decode::welcome(frame)?;
                self.is_let_in = true;
                Message::Welcome(welcome.into())
            }
            kind::ACCEPTED => decode::accepted(frame)?,
            _ => decode::refused(frame)?,
        })
    }
}
