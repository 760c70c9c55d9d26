//! The plugin's side of the handshake.

use std::sync::Arc;

use brpc_core::{Limits, ProtocolError, Refusal};

use crate::codec::{Fault, Traits};
use crate::description::Description;
use crate::message::{Message, kind};
use crate::terms::Terms;

/// The plugin's side of a connection that is not yet let in.
#[derive(Debug)]
pub(crate) enum PluginHandshake {
    /// Its `Hello` is to be accepted.
    Hello(Arc<Description>),
    /// The hub is to let it in that has described so many methods.
    Accepted(usize),
}

/// What comes of a message.
#[derive(Debug)]
pub(crate) enum PluginStep {
    /// More is to come.
    Wait,
    /// The hub is to be told this.
    Say(Message),
    /// Let in.
    Welcomed(Box<Terms>),
    /// Not let in.
    Refused(Refusal),
}

impl PluginHandshake {
    /// Takes a message in.
    pub(crate) fn handle(
        &mut self,
        message: Message,
        traits: Traits,
        limits: &Limits,
    ) -> Result<PluginStep, Fault> {
        match (message, &*self) {
            (Message::Refused(refusal), _) => Ok(PluginStep::Refused(refusal)),
            (Message::Accepted { describe }, Self::Hello(description)) => {
                let step = if describe {
                    PluginStep::Say(Message::Describe(description.clone()))
                } else {
                    PluginStep::Wait
                };
                *self = Self::Accepted(description.len());
                Ok(step)
            }
            (Message::Welcome(welcome), Self::Accepted(methods)) => {
                if !traits.names.plugin.allows(&welcome.name) {
                    return Err(ProtocolError::Malformed { kind: kind::WELCOME }.into());
                }
                Ok(PluginStep::Welcomed(Terms::of_plugin(*welcome, *methods, limits).into()))
            }
            (message, _) => Err(ProtocolError::UnexpectedFrame { kind: message.kind() }.into()),
        }
    }
}
