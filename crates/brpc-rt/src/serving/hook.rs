//! The sender of events.

use std::fmt;
use std::sync::Arc;

use brpc_proto::{EmitError, json};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

use super::error::HookError;
use crate::Driven;

/// Sends events to the hub: anything that serializes. A cheap clone.
///
/// Events arrive in the order in which they were sent, and one that was sent before a method
/// returns arrives before the method's output. How many may be under way is limited by the hub:
/// when its consumers are behind, [`emit`](Self::emit) waits and [`try_emit`](Self::try_emit) says
/// so. Events of a connection that is lost may be lost with it.
///
/// A default one belongs to no plugin and answers [`HookError::Detached`].
#[derive(Clone, Default)]
pub struct AsyncHook {
    /// Shared with the plugin that gave the hook; `None` in a default one.
    shared: Option<Arc<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// The newest connection of the plugin, while there is one.
    connection: Mutex<Option<Arc<Driven>>>,
    /// Rung when events can be sent again, and when the connection ends.
    bell: Notify,
}

impl AsyncHook {
    /// A hook for a plugin, not connected yet.
    pub(super) fn new() -> Self {
        Self { shared: Some(Arc::default()) }
    }

    /// Sends an event; waits while the hub's consumers are behind. Those that wait have no order
    /// among them: a large event may wait for long where many tasks send small ones without a pause.
    ///
    /// # Errors
    /// If the event doesn't encode or is too large, or the plugin is not connected.
    ///
    /// # Cancel safety
    /// Dropped before it returned, the event may have been sent or not, and is never sent later.
    pub async fn emit<T: Serialize + ?Sized>(&self, event: &T) -> Result<(), HookError> {
        let shared = self.shared.as_deref().ok_or(HookError::Detached)?;
        // A loop that sends is not to keep others, the task that writes among them, from running.
        tokio::task::coop::consume_budget().await;
        let event = encode(event)?;
        // Mostly there is credit. An event that has to wait for some is kept in room of its own.
        let event = match shared.emit(&event) {
            Err(HookError::Full) => event.into_bytes(),
            result => return result,
        };
        loop {
            let mut bell = std::pin::pin!(shared.bell.notified());
            // Listens before it tries, so that the bell isn't missed.
            bell.as_mut().enable();
            match shared.emit(&event) {
                Err(HookError::Full) => bell.await,
                result => return result,
            }
        }
    }

    /// Sends an event, or says at once why not.
    ///
    /// # Errors
    /// [`HookError::Full`] while the hub's consumers are behind; else as [`emit`](Self::emit).
    pub fn try_emit<T: Serialize + ?Sized>(&self, event: &T) -> Result<(), HookError> {
        let shared = self.shared.as_deref().ok_or(HookError::Detached)?;
        shared.emit(&encode(event)?)
    }

    /// Sends events over this connection from now on.
    pub(super) fn connect(&self, connection: Arc<Driven>) {
        if let Some(shared) = &self.shared {
            *shared.connection.lock() = Some(connection);
        }
    }

    /// Sends events over this connection no more.
    pub(super) fn disconnect(&self, connection: &Arc<Driven>) {
        let Some(shared) = &self.shared else { return };
        let mut current = shared.connection.lock();
        // A newer one stays.
        let gone = current.take_if(|current| Arc::ptr_eq(current, connection));
        drop((current, gone));
        shared.bell.notify_waiters();
    }

    /// Wakes those who wait to send.
    pub(super) fn ring(&self) {
        if let Some(shared) = &self.shared {
            shared.bell.notify_waiters();
        }
    }
}

impl Shared {
    fn emit(&self, event: &[u8]) -> Result<(), HookError> {
        let driven = self.connection.lock().clone().ok_or(HookError::Closed)?;
        let mut connection = driven.lock();
        connection.emit(event).map_err(|error| match error {
            EmitError::Full => HookError::Full,
            EmitError::TooLarge { size, limit } => HookError::TooLarge { size, limit },
            _ => HookError::Closed,
        })?;
        connection.unlock_and_wake();
        Ok(())
    }
}

fn encode<T: Serialize + ?Sized>(event: &T) -> Result<json::Encoded, HookError> {
    json::Encoded::after(&[], event).map_err(|error| HookError::Invalid { message: error.message })
}

impl fmt::Debug for AsyncHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.shared {
            None => "detached",
            Some(shared) if shared.connection.lock().is_some() => "connected",
            Some(_) => "closed",
        };
        f.debug_tuple("AsyncHook").field(&state).finish()
    }
}
