//! What the hub tells its subscribers.

use std::fmt;
use std::sync::Arc;

use brpc_core::{DisconnectReason, JsonError};
use brpc_proto::json;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::credit::Origin;
use crate::plugin_ref::PluginRef;

/// Something that happened on the hub. For one name it is always `Connected`, then its messages,
/// then `Disconnected`, and then the next `Connected`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A plugin is connected and can be called.
    Connected(PluginRef),
    /// A plugin sent an event.
    Message(Message),
    /// A plugin is gone.
    Disconnected(PluginRef, DisconnectReason),
    /// This subscriber was too slow, and so many events before the next one were dropped for it.
    Lagged(u64),
    /// This subscriber was too slow, and had asked to be cut off for it with
    /// [`close_on_lag`](crate::Events::close_on_lag). Nothing follows.
    CutOff,
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

    /// The event as it came: JSON, at most as large as a frame may be.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The event as a value; [`serde_json::Value`] takes any.
    ///
    /// # Errors
    /// What is wrong and where, if it is not such a value.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        json::decode(&self.payload)
    }
}
