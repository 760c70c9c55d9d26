//! The hub's side of the handshake.

use std::sync::Arc;

use brpc_core::limits::MAX_DESCRIPTION;
use brpc_core::{Limits, ProtocolError, Refusal, RefusalCode};

use crate::codec::{Fault, Traits};
use crate::description::Description;
use crate::limits::MAX_HELLO;
use crate::message::{Hello, Message, Welcome};
use crate::terms::Terms;

/// The hub's side of the handshake, by what it waits for.
#[derive(Debug)]
pub(crate) enum HubHandshake {
    /// The plugin's Hello.
    Hello(Room),
    /// The owner's decision on the Hello, and whether it knows the description.
    Deciding(Arc<Hello>),
    /// The plugin's Describe.
    Describing(Arc<Hello>),
    /// The owner's registration of the plugin.
    Registering(Arc<Hello>),
}

/// Whether a Hello that contains the description may be larger than [`MAX_HELLO`] bytes. Many
/// connections may be in their handshake; not all of them may hold as much as a description.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    /// Not asked: the Hello is not that large so far.
    Unasked,
    /// The owner has been asked.
    Asked,
    /// The owner has granted it.
    Granted,
}

/// The next step after a message.
#[derive(Debug)]
pub(crate) enum HubStep {
    /// The plugin has sent Hello. The owner answers with `accept` or a refusal.
    Hello(Arc<Hello>),
    /// The plugin has sent Describe. The owner answers with `welcome` or a refusal.
    Described(Arc<Description>),
}

impl HubHandshake {
    pub(crate) fn new() -> Self {
        Self::Hello(Room::Unasked)
    }

    /// The limit of the next message; `None` if it is the owner's turn.
    pub(crate) fn limit(&self, traits: Traits) -> Option<usize> {
        match self {
            Self::Hello(_) if traits.has_welcome => Some(MAX_HELLO),
            Self::Hello(Room::Unasked | Room::Granted) => Some(MAX_DESCRIPTION),
            Self::Describing(_) => Some(MAX_DESCRIPTION + 1),
            Self::Hello(Room::Asked) | Self::Deciding(_) | Self::Registering(_) => None,
        }
    }

    /// Whether to ask the owner for room, when this many bytes of a message have arrived.
    pub(crate) fn asks_for_room(&mut self, bytes: usize) -> bool {
        let asks = bytes > MAX_HELLO && matches!(self, Self::Hello(Room::Unasked));
        if asks {
            *self = Self::Hello(Room::Asked);
        }
        asks
    }

    /// Allows a Hello as large as a description.
    pub(crate) fn grant_room(&mut self) {
        if let Self::Hello(room) = self {
            *room = Room::Granted;
        }
    }

    /// Handles a message.
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

    /// Accepts the Hello: returns the message to send, and the description if it is known. `None`
    /// if it isn't the owner's turn.
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

    /// Welcomes the plugin under this name, generation and epoch: returns the agreed terms and the
    /// message to send. `None` if it isn't the owner's turn.
    pub(crate) fn welcome(
        &self,
        given: (&str, u64, [u8; 16]),
        limits: &Limits,
    ) -> Option<(Terms, Welcome)> {
        let Self::Registering(hello) = self else { return None };
        Some(Terms::of_hub(hello, given, limits))
    }

    /// Whether the owner is about to welcome or refuse the plugin. Earlier messages wait for that
    /// one, so that all go out in one write.
    pub(crate) fn awaits_welcome(&self) -> bool {
        matches!(self, Self::Registering(_))
    }
}

/// Checks the names against the wire's rules. The refusal doesn't quote them, since they may
/// contain anything.
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
