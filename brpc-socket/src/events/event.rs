//! The events of a hub.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brpc_core::{DisconnectReason, JsonError};
use brpc_proto::json;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::credit::Origin;
use super::missed::Missed;
use crate::plugin_ref::PluginRef;

/// Something that happened on the hub. For each name, `Connected` comes first, then the plugin's
/// messages, then `Disconnected`, and then the next `Connected`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A plugin is connected and can be called.
    Connected(PluginRef),
    /// A plugin sent an event.
    Message(Message),
    /// A plugin has disconnected.
    Disconnected(PluginRef, DisconnectReason),
    /// A plugin is stuck: it is connected, but starts no handlers, for so long already. Something
    /// blocks it, as a method that computes for long and isn't marked `blocking`. `None` if it goes
    /// on. See [`PluginRef::stuck`].
    Stuck(PluginRef, Option<Duration>),
    /// This subscriber lagged: the hub dropped events for it. With
    /// [`drop_newest`](crate::Events::drop_newest) they are missing here, before the next one; else
    /// it dropped them since the subscriber read last, and those of other plugins may be kept.
    Lagged(Missed),
    /// This subscriber lagged and was cut off, as it had asked for with
    /// [`close_on_lag`](crate::Events::close_on_lag). Nothing follows.
    CutOff,
}

impl Event {
    /// The plugin that it is about.
    pub(crate) fn plugin(&self) -> Option<&PluginRef> {
        match self {
            Self::Message(message) => Some(message.plugin()),
            Self::Connected(plugin) | Self::Disconnected(plugin, _) | Self::Stuck(plugin, _) => {
                Some(plugin)
            }
            Self::Lagged(_) | Self::CutOff => None,
        }
    }

    /// Counts it as missed; one that says what was missed, as all of those.
    pub(crate) fn count_missed(&self, missed: &mut Missed) {
        match self {
            Self::Lagged(before) => missed.add_all(before),
            event => missed.add(event.plugin()),
        }
    }
}

/// An event that a plugin sent.
#[derive(Clone)]
pub struct Message {
    pub(crate) origin: Arc<Origin>,
    pub(crate) payload: Bytes,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("plugin", self.plugin())
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

impl Message {
    /// Which plugin sent it.
    pub fn plugin(&self) -> &PluginRef {
        &self.origin.plugin
    }

    /// The event as it arrived: JSON, at most as large as a frame may be.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Decodes the event; [`serde_json::Value`] accepts any.
    ///
    /// # Errors
    /// What is wrong and where, if it can't be decoded.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        json::decode_in(self.plugin().wire().dialect(), &self.payload)
    }
}
