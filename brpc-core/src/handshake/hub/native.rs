//! The hub's side of the handshake of the native wire.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Greeting, HubStep, Rejected};
use crate::codec::Wire;
use crate::describe::{Description, DescriptionError};
use crate::labels::{LabelError, Labels};
use crate::limits::MAX_DESCRIPTION;
use crate::session::SessionTerms;
use crate::wire::{
    self, FrameReader, MAX_VERSION, MIN_VERSION, Message as _, PREFACE, WriteBuffer, extension,
    kind, read_preface,
};
use crate::{Limits, ProtocolError, Refusal, RefusalCode, name};

/// What the connection itself needs of a greeting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    /// The digest of the plugin's description.
    digest: [u8; 32],
    /// The versions of the protocol that it speaks.
    versions: (u8, u8),
    /// The largest frame that it takes.
    max_frame: usize,
    /// The most calls that it takes at once.
    max_calls: usize,
}

/// How far it has come.
#[derive(Debug)]
pub(crate) enum NativeHandshake {
    /// The preface is not complete.
    Preface,
    /// Who it is, is to come.
    Hello,
    /// The owner is to say whether it knows the description.
    Deciding(Offer),
    /// The description is to come.
    Describing(Offer),
    /// The owner is to register the plugin.
    Registering(Offer),
}

impl NativeHandshake {
    /// Takes input in, up to the next word of the owner.
    pub(super) fn handle_input(
        &mut self,
        input: &mut BytesMut,
        reader: &mut FrameReader,
    ) -> Result<HubStep, Rejected> {
        if matches!(self, Self::Preface) {
            if !read_preface(input)? {
                return Ok(HubStep::Wait);
            }
            *self = Self::Hello;
        }
        match self {
            Self::Hello => {
                let Some(frame) = reader.next(input)? else { return Ok(HubStep::Wait) };
                let (greeting, offer) = check_hello(&wire::Hello::decode(&frame)?)?;
                *self = Self::Deciding(offer);
                Ok(HubStep::Greeted(greeting))
            }
            Self::Describing(offer) => {
                let Some(frame) = reader.next(input)? else { return Ok(HubStep::Wait) };
                if frame.kind != kind::DESCRIBE {
                    return Err(ProtocolError::UnexpectedFrame { kind: frame.kind }.into());
                }
                // A copy of its own, since it is kept for as long as the plugin stays.
                let encoded = Bytes::copy_from_slice(&frame.body);
                let description =
                    Arc::new(Description::decode(encoded).map_err(|error| bad(&error))?);
                if *description.digest() != offer.digest {
                    return Err(ProtocolError::DigestMismatch.into());
                }
                *self = Self::Registering(*offer);
                Ok(HubStep::Described(description))
            }
            Self::Preface | Self::Deciding(_) | Self::Registering(_) => Ok(HubStep::Wait),
        }
    }

    /// Lets the plugin go on; it needs not describe itself if the description is known.
    pub(super) fn accept(
        &mut self,
        known: Option<Arc<Description>>,
        reader: &mut FrameReader,
        out: &mut WriteBuffer,
    ) -> HubStep {
        let Self::Deciding(offer) = *self else { return HubStep::Wait };
        let known = known.filter(|known| *known.digest() == offer.digest && known.is_native());
        out.raw(&PREFACE);
        wire::Accepted { describe: known.is_none() }.encode(out);
        if let Some(description) = known {
            *self = Self::Registering(offer);
            return HubStep::Described(description);
        }
        reader.set_limit(MAX_DESCRIPTION + 1);
        *self = Self::Describing(offer);
        HubStep::Wait
    }

    /// Lets the plugin in; what was agreed on. `None` if it isn't its turn.
    pub(super) fn welcome(
        &self,
        name: &str,
        generation: u64,
        epoch: [u8; 16],
        limits: &Limits,
        out: &mut WriteBuffer,
    ) -> Option<SessionTerms> {
        let Self::Registering(offer) = self else { return None };
        let terms = SessionTerms {
            generation,
            max_frame: offer.max_frame.min(Limits::HIGHEST_MAX_FRAME),
            max_calls: offer.max_calls.min(limits.max_calls).max(1),
        };
        wire::Welcome {
            version: offer.versions.1.min(MAX_VERSION),
            hub_versions: (MIN_VERSION, MAX_VERSION),
            plugin_versions: offer.versions,
            features: 0,
            epoch,
            name,
            generation,
            max_frame: saturate(limits.max_frame),
            max_calls: saturate(terms.max_calls),
            credit_events: limits.event_credit,
            credit_bytes: limits.event_credit_bytes,
            extensions: Vec::new(),
        }
        .encode(out);
        Some(terms)
    }

    /// Whether the plugin was told nothing yet, and so has no preface.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self, Self::Preface | Self::Hello | Self::Deciding(_))
    }
}

/// What a `Hello` says, if every rule is kept.
fn check_hello(hello: &wire::Hello<'_>) -> Result<(Greeting, Offer), Refusal> {
    let refused = |code, message: &str| Err(Refusal::new(code, message));
    if hello.min_version > MAX_VERSION || hello.max_version < MIN_VERSION {
        return refused(
            RefusalCode::Version,
            &format!(
                "this hub speaks versions {MIN_VERSION} to {MAX_VERSION} of the protocol, the \
                 plugin {} to {}",
                hello.min_version, hello.max_version
            ),
        );
    }
    // The name is not repeated: it may be anything.
    if !name::is_plugin_name(hello.name) {
        return refused(RefusalCode::BadName, name::NAME_RULE);
    }
    if !name::is_version(hello.version) {
        return refused(RefusalCode::BadVersion, name::VERSION_RULE);
    }
    if (hello.max_frame as usize) < Limits::LOWEST_MAX_FRAME {
        return refused(
            RefusalCode::Protocol,
            &format!("a plugin takes frames of at least {} bytes", Limits::LOWEST_MAX_FRAME),
        );
    }
    let labels = labels(&hello.extensions)
        .map_err(|error| Refusal::new(RefusalCode::BadLabels, format!("labels: {error}")))?;
    let greeting = Greeting {
        wire: Wire::Native,
        name: hello.name.to_owned(),
        version: hello.version.to_owned(),
        labels,
        instance: hello.instance,
        digest: hello.digest,
    };
    let offer = Offer {
        digest: hello.digest,
        versions: (hello.min_version, hello.max_version),
        max_frame: hello.max_frame as usize,
        max_calls: hello.max_calls as usize,
    };
    Ok((greeting, offer))
}

/// The labels among the extensions of a `Hello`; those that are not known are skipped.
fn labels(extensions: &[(u16, &[u8])]) -> Result<Labels, LabelError> {
    let mut given = extensions.iter().filter(|(number, _)| *number == extension::LABELS);
    let labels = given.next().map_or(Ok(Labels::default()), |(_, labels)| Labels::decode(labels));
    if given.next().is_some() { Err(LabelError::Malformed) } else { labels }
}

/// The refusal of a plugin whose description breaks a rule.
fn bad(error: &DescriptionError) -> Refusal {
    let code = match error {
        DescriptionError::TooManyMethods => RefusalCode::TooManyMethods,
        _ => RefusalCode::BadDescription,
    };
    Refusal::new(code, format!("description: {error}"))
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
