//! The native wire: frames with a header in postcard's format. `docs/protocol.md` specifies it.

mod decode;
mod encode;
mod frame;
mod header;
mod labels;
mod list;
pub mod number;
mod preface;

use brpc_core::{Metadata, ProtocolError};
use bytes::BytesMut;

use self::frame::{Frame, next_frame};
use self::preface::{PREFACE, read_preface};
use super::{Codec, Fault, Traits};
use crate::buffer::WriteBuffer;
use crate::message::{Message, kind};
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
    /// The versions that the plugin speaks, as the hub received them.
    plugin_versions: (u8, u8),
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
            plugin_versions: (0, 0),
            announced: None,
        }
    }

    /// Whether a frame of this kind is valid now. Checked before it is decoded.
    fn expects(&self, kind: u8) -> bool {
        let is_handshake = (kind::HELLO..=kind::WELCOME).contains(&kind);
        let is_from = match kind {
            kind::HELLO | kind::DESCRIBE | kind::REPLY..=kind::METADATA => Role::Plugin,
            kind::ACCEPTED | kind::REFUSED | kind::WELCOME | kind::CALL..=kind::DRAIN => Role::Hub,
            // From both sides.
            _ => self.role.other(),
        };
        is_handshake != self.is_let_in
            && is_from != self.role
            // An answer must directly follow its metadata.
            && (self.announced.is_none() || matches!(kind, kind::REPLY | kind::FAILED))
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
        while let Some(frame) = next_frame(input, limit)? {
            if !self.expects(frame.kind) {
                return Err(ProtocolError::UnexpectedFrame { kind: frame.kind }.into());
            }
            if frame.kind == kind::METADATA {
                self.announced = Some(decode::metadata(&frame)?);
                continue;
            }
            return if self.is_let_in {
                decode::message(frame, &mut self.announced)
            } else {
                self.decode_handshake(&frame).map(Some)
            };
        }
        Ok(None)
    }

    fn encode(&mut self, message: &Message, out: &mut WriteBuffer) {
        if !self.has_spoken {
            self.has_spoken = true;
            out.with(|bytes| bytes.extend_from_slice(&PREFACE));
        }
        match message {
            Message::Welcome(welcome) => {
                self.is_let_in = true;
                encode::welcome(welcome, self.plugin_versions, out);
            }
            message => encode::message(message, out),
        }
    }

    fn encode_event(&mut self, event: &[u8], out: &mut WriteBuffer) {
        encode::event(event, out);
    }
}

impl Native {
    /// The message of a frame in the handshake.
    fn decode_handshake(&mut self, frame: &Frame) -> Result<Message, Fault> {
        Ok(match frame.kind {
            kind::HELLO => {
                let (hello, versions) = decode::hello(frame)?;
                self.plugin_versions = versions;
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
