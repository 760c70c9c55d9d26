//! The plugin's side of the handshake.

use std::time::Duration;

use bytes::BytesMut;

use crate::describe::Description;
use crate::labels::Labels;
use crate::limits::MAX_HELLO;
use crate::name::is_plugin_name;
use crate::session::PluginTerms;
use crate::wire::{
    self, FrameReader, MAX_VERSION, MIN_VERSION, Message as _, PREFACE, WriteBuffer, extension,
    kind, read_preface,
};
use crate::{Limits, ProtocolError, Refusal, RefusalCode};

/// What a plugin says of itself.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// The name to ask for.
    pub name: String,
    /// Its own version, for people; may be empty.
    pub version: String,
    /// What it says of where and what it is; by these a hub can choose it.
    pub labels: Labels,
    /// Random, the same for the life of the process; a secret between plugin and hub.
    pub instance: [u8; 16],
    /// Its functions.
    pub description: Description,
}

/// What the hub says when it lets a plugin in.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Terms {
    /// The name given; not always the one asked for.
    pub name: String,
    /// The number of this connection among all of that hub; rises.
    pub generation: u64,
    /// Random, the same for the life of the hub.
    pub epoch: [u8; 16],
}

/// The plugin's side of a connection that is not yet let in.
#[derive(Debug)]
pub(crate) enum PluginHandshake {
    /// The hub's preface is to come.
    Preface,
    /// The `Hello` is to be accepted.
    Greeting,
    /// The hub is to let it in.
    Accepted,
}

/// What comes of some input.
#[derive(Debug)]
pub(crate) enum PluginStep {
    /// More input is needed.
    Wait,
    /// Let in.
    Welcomed(Terms, PluginTerms),
    /// Not let in.
    Refused(Refusal),
}

impl PluginHandshake {
    /// Says hello.
    pub(crate) fn new(
        introduction: &Introduction,
        limits: &Limits,
        out: &mut WriteBuffer,
    ) -> (Self, FrameReader) {
        out.raw(&PREFACE);
        let labels = introduction.labels.encode();
        let labels = (!introduction.labels.is_empty()).then_some((extension::LABELS, &*labels));
        wire::Hello {
            min_version: MIN_VERSION,
            max_version: MAX_VERSION,
            features: 0,
            max_frame: u32::try_from(limits.max_frame).unwrap_or(u32::MAX),
            max_calls: u32::try_from(limits.max_calls).unwrap_or(u32::MAX),
            name: &introduction.name,
            version: &introduction.version,
            instance: introduction.instance,
            digest: *introduction.description.digest(),
            extensions: labels.into_iter().collect(),
        }
        .encode(out);
        (Self::Preface, FrameReader::new(MAX_HELLO))
    }

    /// Takes input in.
    pub(crate) fn handle_input(
        &mut self,
        input: &mut BytesMut,
        reader: &mut FrameReader,
        description: &Description,
        limits: &Limits,
        out: &mut WriteBuffer,
    ) -> Result<PluginStep, ProtocolError> {
        if matches!(self, Self::Preface) {
            if !read_preface(input)? {
                return Ok(PluginStep::Wait);
            }
            *self = Self::Greeting;
        }
        while let Some(frame) = reader.next(input)? {
            match (frame.kind, &*self) {
                (kind::REFUSED, _) => {
                    let refused = wire::Refused::decode(&frame)?;
                    let mut message = refused.message.to_owned();
                    crate::error::cut(&mut message, Refusal::MAX_MESSAGE);
                    return Ok(PluginStep::Refused(Refusal {
                        code: RefusalCode::from_wire(refused.code),
                        message,
                        retry_after: refused.retry_after_ms.map(Duration::from_millis),
                    }));
                }
                (kind::ACCEPTED, Self::Greeting) => {
                    if wire::Accepted::decode(&frame)?.describe {
                        out.frame(kind::DESCRIBE, &(), description.encoded());
                    }
                    *self = Self::Accepted;
                }
                (kind::WELCOME, Self::Accepted) => {
                    let welcome = wire::Welcome::decode(&frame)?;
                    check_version(&welcome)?;
                    if !is_plugin_name(welcome.name) {
                        return Err(ProtocolError::Malformed { kind: kind::WELCOME });
                    }
                    reader.set_limit(limits.max_frame);
                    let max_calls = (welcome.max_calls as usize).min(limits.max_calls).max(1);
                    let terms = PluginTerms {
                        methods: u32::try_from(description.len()).ok(),
                        max_frame: welcome.max_frame as usize,
                        max_calls,
                        credit: Some((welcome.credit_events, welcome.credit_bytes)),
                        max_unsent: limits.queue_bytes,
                    };
                    let given = Terms {
                        name: welcome.name.to_owned(),
                        generation: welcome.generation,
                        epoch: welcome.epoch,
                    };
                    return Ok(PluginStep::Welcomed(given, terms));
                }
                (kind, _) => return Err(ProtocolError::UnexpectedFrame { kind }),
            }
        }
        Ok(PluginStep::Wait)
    }
}

/// Whether the hub chose the highest version that both speak, and heard what was said.
fn check_version(welcome: &wire::Welcome<'_>) -> Result<(), ProtocolError> {
    let is_untouched = welcome.plugin_versions == (MIN_VERSION, MAX_VERSION)
        && welcome.version == welcome.hub_versions.1.min(MAX_VERSION);
    if is_untouched { Ok(()) } else { Err(ProtocolError::VersionMismatch) }
}
