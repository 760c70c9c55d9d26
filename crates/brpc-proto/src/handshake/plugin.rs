//! The plugin's side of the handshake.

use std::sync::Arc;

use brpc_core::{Limits, ProtocolError, Refusal};

use crate::codec::{Fault, Traits};
use crate::description::Description;
use crate::message::{Message, kind};
use crate::terms::Terms;

/// The plugin's side of the handshake, by what it waits for.
#[derive(Debug)]
pub(crate) enum PluginHandshake {
    /// Accepted, for its `Hello` with this description.
    Hello(Arc<Description>),
    /// Welcome, for a plugin with so many methods.
    Accepted(usize),
}

/// The next step after a message.
#[derive(Debug)]
pub(crate) enum PluginStep {
    /// Wait for the next message.
    Wait,
    /// Send this message.
    Say(Message),
    /// The hub has welcomed the plugin.
    Welcomed(Box<Terms>),
    /// The hub has refused the plugin.
    Refused(Refusal),
}

impl PluginHandshake {
    /// Handles a message.
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
