//! The hub's side of the handshake.

use std::sync::Arc;

use brpc_core::limits::MAX_DESCRIPTION;
use brpc_core::{Limits, ProtocolError, Refusal, RefusalCode};

use crate::codec::{Fault, Traits};
use crate::description::Description;
use crate::limits::MAX_HELLO;
use crate::message::{Hello, Message, Welcome};
use crate::terms::Terms;

/// The hub's side of a connection that is not yet let in.
#[derive(Debug)]
pub(crate) enum HubHandshake {
    /// The plugin is to say who it is.
    Hello(Room),
    /// The owner is to say whether it knows the description.
    Deciding(Arc<Hello>),
    /// The description is to come.
    Describing(Arc<Hello>),
    /// The owner is to register the plugin.
    Registering(Arc<Hello>),
}

/// Whether a plugin that says all of itself at once may say more than [`MAX_HELLO`] bytes. Many
/// connections may be in their handshake; not all of them may hold what a description takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    /// It has not said so much yet.
    Unasked,
    /// The owner is to say.
    Asked,
    /// It may.
    Granted,
}

/// What comes of a message.
#[derive(Debug)]
pub(crate) enum HubStep {
    /// The plugin has said who it is. The owner answers with `accept` or a refusal.
    Hello(Arc<Hello>),
    /// The plugin has described itself. The owner answers with `welcome` or a refusal.
    Described(Arc<Description>),
}

impl HubHandshake {
    pub(crate) fn new() -> Self {
        Self::Hello(Room::Unasked)
    }

    /// How large the next message may be; `None` if it is the owner's turn.
    pub(crate) fn limit(&self, traits: Traits) -> Option<usize> {
        match self {
            Self::Hello(_) if traits.has_welcome => Some(MAX_HELLO),
            Self::Hello(_) => Some(MAX_DESCRIPTION),
            Self::Describing(_) => Some(MAX_DESCRIPTION + 1),
            Self::Deciding(_) | Self::Registering(_) => None,
        }
    }

    /// Whether to ask the owner for room, with so much of a message here.
    pub(crate) fn asks_for_room(&mut self, bytes: usize) -> bool {
        let asks = bytes > MAX_HELLO && matches!(self, Self::Hello(Room::Unasked));
        if asks {
            *self = Self::Hello(Room::Asked);
        }
        asks
    }

    /// Lets the plugin say more of itself.
    pub(crate) fn grant_room(&mut self) {
        if let Self::Hello(room) = self {
            *room = Room::Granted;
        }
    }

    /// Takes a message in.
    pub(crate) fn handle(&mut self, message: Message, traits: Traits) -> Result<HubStep, Fault> {
        match (message, &*self) {
            (Message::Hello(hello), Self::Hello(_)) => {
                check(&hello, traits)?;
                *self = Self::Deciding(hello.clone());
                Ok(HubStep::Hello(hello))
            }
            (Message::Describe(description), Self::Describing(hello)) => {
                if *description.digest() != hello.digest {
                    return Err(ProtocolError::DigestMismatch.into());
                }
                *self = Self::Registering(hello.clone());
                Ok(HubStep::Described(description))
            }
            (message, _) => Err(ProtocolError::UnexpectedFrame { kind: message.kind() }.into()),
        }
    }

    /// Lets the plugin go on: what it is told, and its description if that is known. `None` if it
    /// isn't its turn.
    pub(crate) fn accept(
        &mut self,
        known: Option<Arc<Description>>,
        traits: Traits,
    ) -> Option<(Message, Option<Arc<Description>>)> {
        let Self::Deciding(hello) = &*self else { return None };
        let hello = hello.clone();
        let is_fit = |known: &Arc<Description>| {
            *known.digest() == hello.digest && (known.is_native() || !traits.has_welcome)
        };
        let known = known.filter(is_fit).or_else(|| hello.description.clone());
        *self = if known.is_some() { Self::Registering(hello) } else { Self::Describing(hello) };
        Some((Message::Accepted { describe: known.is_none() }, known))
    }

    /// Lets the plugin in, under this name, generation and epoch: what was agreed on, and what it is
    /// told. `None` if it isn't its turn.
    pub(crate) fn welcome(
        &self,
        given: (&str, u64, [u8; 16]),
        limits: &Limits,
    ) -> Option<(Terms, Welcome)> {
        let Self::Registering(hello) = self else { return None };
        Some(Terms::of_hub(hello, given, limits))
    }

    /// Whether the owner is about to say if the plugin is let in. What is to be sent before goes with
    /// it, in one write.
    pub(crate) fn awaits_welcome(&self) -> bool {
        matches!(self, Self::Registering(_))
    }
}

/// Whether names keep the rules of the wire. They are not repeated: they may be anything.
fn check(hello: &Hello, traits: Traits) -> Result<(), Refusal> {
    let rules = traits.names;
    if !rules.plugin.allows(&hello.name) {
        return Err(Refusal::new(RefusalCode::BadName, rules.plugin.words()));
    }
    if !rules.version.allows(&hello.version) {
        return Err(Refusal::new(RefusalCode::BadVersion, rules.version.words()));
    }
    Ok(())
}
