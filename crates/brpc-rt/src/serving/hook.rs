//! The sender of events.

use std::fmt;
use std::sync::Arc;

use brpc_proto::{EmitError, json};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

use super::error::HookError;
use crate::SharedConnection;
use crate::foreign::shielded;

/// Sends events to the hub: anything that serializes. A cheap clone.
///
/// Events arrive in the order in which they were sent, and one that was sent before a method
/// returns arrives before the method's output. The hub limits how many events are not consumed yet:
/// while its subscribers lag, [`emit`](Self::emit) waits and [`try_emit`](Self::try_emit) returns
/// an error. Events of a connection that is lost may be lost with it.
///
/// If the plugin is connected more than once, events go to the hub that was connected last, of
/// those that still are.
///
/// A default hook belongs to no plugin, and returns [`HookError::Detached`].
#[derive(Clone, Default)]
pub struct AsyncHook {
    /// Shared with the plugin to which the hook belongs; `None` in a default hook.
    shared: Option<Arc<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// The open connections, the newest last: that one sends the events.
    connections: Mutex<Vec<Arc<SharedConnection>>>,
    /// Rung when events can be sent again, and when a connection ends.
    bell: Notify,
}

impl AsyncHook {
    /// A hook that is not connected yet.
    pub(super) fn new() -> Self {
        Self { shared: Some(Arc::default()) }
    }

    /// Sends an event; waits for credit while the hub's subscribers lag. Events that wait have no
    /// order among them: a large one may wait for long while many tasks send small ones without a
    /// pause.
    ///
    /// # Errors
    /// If the event doesn't encode or is too large, or the plugin is not connected.
    ///
    /// # Cancel safety
    /// If the future is dropped before it returns, the event may have been sent or not; it is never
    /// sent later.
    pub async fn emit<T: Serialize + ?Sized>(&self, event: &T) -> Result<(), HookError> {
        let shared = self.shared.as_deref().ok_or(HookError::Detached)?;
        // A loop that sends must not keep other tasks from running, such as the driver.
        tokio::task::coop::consume_budget().await;
        let event = encode(event)?;
        // Mostly there is credit. An event that waits for credit gets a buffer of its own.
        let event = match shared.emit(&event) {
            Err(HookError::Full) => event.into_bytes(),
            result => return result,
        };
        loop {
            let mut bell = std::pin::pin!(shared.bell.notified());
            // Listens before it tries, so that the bell isn't missed.
            bell.as_mut().enable();
            match shared.emit(&event) {
                Err(HookError::Full) => shielded(bell).await,
                result => return result,
            }
        }
    }

    /// Sends an event, or returns at once why it can't be sent.
    ///
    /// # Errors
    /// [`HookError::Full`] while the hub's subscribers lag; else as [`emit`](Self::emit).
    pub fn try_emit<T: Serialize + ?Sized>(&self, event: &T) -> Result<(), HookError> {
        let shared = self.shared.as_deref().ok_or(HookError::Detached)?;
        shared.emit(&encode(event)?)
    }

    /// Sends events over this connection from now on.
    pub(super) fn connect(&self, connection: Arc<SharedConnection>) {
        if let Some(shared) = &self.shared {
            shared.connections.lock().push(connection);
            // It may have credit, unlike the one before.
            shared.bell.notify_waiters();
        }
    }

    /// Stops sending events over this connection; if it is the newest, goes on with the one before.
    pub(super) fn disconnect(&self, connection: &Arc<SharedConnection>) {
        let Some(shared) = &self.shared else { return };
        let mut connections = shared.connections.lock();
        let place = connections.iter().position(|open| Arc::ptr_eq(open, connection));
        let gone = place.map(|place| connections.remove(place));
        // The lock first: it may be the last of its connection.
        drop((connections, gone));
        shared.bell.notify_waiters();
    }

    /// Wakes the tasks that wait to send.
    pub(super) fn ring(&self) {
        if let Some(shared) = &self.shared {
            shared.bell.notify_waiters();
        }
    }
}

impl Shared {
    fn emit(&self, event: &[u8]) -> Result<(), HookError> {
        let connection = self.connections.lock().last().cloned().ok_or(HookError::Closed)?;
        let mut connection = connection.lock();
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
    json::Encoded::after(&[], event)
        .map_err(|error| HookError::Invalid { message: error.to_string() })
}

impl fmt::Debug for AsyncHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.shared {
            None => "detached",
            Some(shared) if shared.connections.lock().is_empty() => "closed",
            Some(_) => "connected",
        };
        f.debug_tuple("AsyncHook").field(&state).finish()
    }
}

#[cfg(test)]
mod tests {
    use brpc_core::Limits;
    use brpc_proto::{Connection, Wires};

    use super::*;
    use crate::now;

    #[test]
    fn the_newest_connection_counts_of_those_that_are_open() {
        let connection = || {
            let connection = Connection::accepted(Limits::default(), Wires::default(), now());
            Arc::new(SharedConnection::new(connection))
        };
        let newest = |hook: &AsyncHook| hook.shared.as_ref()?.connections.lock().last().cloned();
        let is = |hook: &AsyncHook, expected| Arc::ptr_eq(&newest(hook).unwrap(), expected);
        let (hook, one, two, three) = (AsyncHook::new(), connection(), connection(), connection());
        for open in [&one, &two, &three] {
            hook.connect(open.clone());
            assert!(is(&hook, open));
        }
        hook.disconnect(&one);
        assert!(is(&hook, &three), "the end of an older one changes nothing");
        hook.disconnect(&three);
        assert!(is(&hook, &two), "an older one goes on");
        hook.disconnect(&two);
        assert_eq!(format!("{hook:?}"), "AsyncHook(\"closed\")");
    }
}
