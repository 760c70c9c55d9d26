//! The plugin's side of the handshake.

use std::sync::Arc;

use brpc_core::{Limits, ProtocolError, Refusal};

use crate::codec::{Codec, Fault};
use crate::credentials::{Key, Transcript};
use crate::description::Description;
use crate::message::{Message, kind};
use crate::terms::Terms;

/// The plugin's side of the handshake, by what it waits for.
#[derive(Debug)]
pub(crate) enum PluginHandshake {
    /// Accepted or a Challenge, for its `Hello`.
    Hello {
        /// What it describes, if it is asked to.
        description: Arc<Description>,
        /// What it offers to prove; `None` once it has.
        key: Option<Key>,
    },
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
        codec: &dyn Codec,
        limits: &Limits,
    ) -> Result<PluginStep, Fault> {
        match (message, &mut *self) {
            (Message::Refused(refusal), _) => Ok(PluginStep::Refused(refusal)),
            (Message::Challenge { nonce }, Self::Hello { key, .. }) => {
                let mac = prove(key.take().as_ref(), nonce, codec);
                let unexpected = ProtocolError::UnexpectedFrame { kind: kind::CHALLENGE };
                Ok(PluginStep::Say(Message::Proof { mac: mac.ok_or(unexpected)? }))
            }
            (Message::Accepted { describe }, Self::Hello { description, .. }) => {
                let step = if describe {
                    PluginStep::Say(Message::Describe(description.clone()))
                } else {
                    PluginStep::Wait
                };
                *self = Self::Accepted(description.len());
                Ok(step)
            }
            (Message::Welcome(welcome), Self::Accepted(methods)) => {
                if !codec.traits().names.plugin.allows(&welcome.name) {
                    return Err(ProtocolError::Malformed { kind: kind::WELCOME }.into());
                }
                Ok(PluginStep::Welcomed(Terms::of_plugin(*welcome, *methods, limits).into()))
            }
            (message, _) => Err(ProtocolError::UnexpectedFrame { kind: message.kind() }.into()),
        }
    }
}

/// Proves that this side knows the secret of its key; `None` if it has offered none.
fn prove(key: Option<&Key>, hub_nonce: [u8; 32], codec: &dyn Codec) -> Option<[u8; 32]> {
    let key = key?;
    let (plugin_nonce, hello) = (*key.nonce(), codec.hello_digest()?);
    Some(Transcript { hub_nonce, plugin_nonce, hello }.mac(key.secret()?))
}
