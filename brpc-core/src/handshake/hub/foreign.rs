//! The hub's side of the handshake of a wire that is not the native one: the plugin says all of
//! itself at once, and is told nothing unless it is not let in.

use std::sync::Arc;

use bytes::BytesMut;

use super::{HubStep, Rejected};
use crate::Limits;
use crate::codec::{HubCodec, Introduced};
use crate::describe::Description;
use crate::limits::{MAX_DESCRIPTION, MAX_HELLO};
use crate::session::SessionTerms;

/// How far it has come.
#[derive(Debug)]
pub(crate) enum ForeignHandshake {
    /// The plugin is to say who it is.
    Introducing(Room),
    /// The owner is to say whether it knows the description.
    Deciding(Arc<Description>),
    /// The owner is to register the plugin.
    Registering,
}

/// Whether the plugin may say more of itself than the `Hello` of a native one. Many connections may
/// be in their handshake at once; not all of them may hold what a description takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    /// It has not said so much yet.
    Unasked,
    /// The owner is to say.
    Asked,
    /// It may.
    Granted,
}

impl ForeignHandshake {
    pub(super) fn new() -> Self {
        Self::Introducing(Room::Unasked)
    }

    pub(super) fn handle_input(
        &mut self,
        input: &mut BytesMut,
        codec: &mut dyn HubCodec,
    ) -> Result<HubStep, Rejected> {
        let Self::Introducing(room) = self else { return Ok(HubStep::Wait) };
        if let Some(Introduced { greeting, description }) =
            codec.introduction(input, MAX_DESCRIPTION)?
        {
            *self = Self::Deciding(description);
            return Ok(HubStep::Greeted(greeting));
        }
        if input.len() > MAX_HELLO && *room == Room::Unasked {
            *room = Room::Asked;
            return Ok(HubStep::WantsRoom);
        }
        Ok(HubStep::Wait)
    }

    pub(super) fn grant_room(&mut self) {
        if let Self::Introducing(room) = self {
            *room = Room::Granted;
        }
    }

    pub(super) fn accept(&mut self, known: Option<Arc<Description>>) -> HubStep {
        let Self::Deciding(description) = self else { return HubStep::Wait };
        let known = known.filter(|known| known.digest() == description.digest());
        let description = known.unwrap_or_else(|| description.clone());
        *self = Self::Registering;
        HubStep::Described(description)
    }

    pub(super) fn welcome(&self, generation: u64, limits: &Limits) -> Option<SessionTerms> {
        let Self::Registering = self else { return None };
        // The plugin says nothing of what it takes.
        let (max_frame, max_calls) = (limits.max_frame, limits.max_calls);
        Some(SessionTerms { generation, max_frame, max_calls })
    }
}
