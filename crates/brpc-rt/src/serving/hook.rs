//! The sender of events.

use std::fmt;
use std::sync::Arc;

use brpc_proto::{EmitError, json};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

use super::error::HookError;
use super::kept_events::{KeepEvents, KeptEvents};
use crate::SharedConnection;
use crate::foreign::shielded;

/// Sends events to the hub: anything that serializes. A cheap clone.
///
/// Events arrive in the order in which they were sent, and one that was sent before a method
/// returns arrives before the method's output. The hub limits how many events are not consumed yet:
/// while its subscribers lag, [`emit`](Self::emit) waits and [`try_emit`](Self::try_emit) returns
/// an error. Events of a connection that is lost may be lost with it.
///
/// The hook outlives connections. While the plugin is not connected, events are refused with
/// [`HookError::Closed`], or kept for the next connection (`Plugin::keep_events`). When a
/// `Plugin::run` has ended, for whatever reason, they are refused in any case, until the plugin runs
/// or is connected again.
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
    state: Mutex<State>,
    /// Rung when events can be sent again, and when a connection ends.
    bell: Notify,
}

#[derive(Default)]
struct State {
    /// The open connections, the newest last: that one sends the events.
    connections: Vec<Arc<SharedConnection>>,
    /// Events that wait for a connection, or for its credit; `None` if none are kept. As long as
    /// some wait, new ones wait behind them.
    kept: Option<KeptEvents>,
    /// How many runs there are, each of which may connect.
    runs: usize,
    /// Whether there were some, and none may connect any more: then nothing is kept.
    is_over: bool,
}

/// As long as it lives, the plugin of a hook may connect.
#[derive(Debug)]
pub struct Expecting(AsyncHook);

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
    /// If the event doesn't encode or is too large, or the plugin is not connected and doesn't keep the
    /// event.
    ///
    /// # Cancel safety
    /// If the future is dropped before it returns, the event may have been sent or not; it is never
    /// sent later.
    pub async fn emit<T: Serialize + ?Sized>(&self, event: &T) -> Result<(), HookError> {
        let shared = self.shared.as_deref().ok_or(HookError::Detached)?;
        // A loop that sends must not keep other tasks from running, such as the driver.
        tokio::task::coop::consume_budget().await;
        let mut event = encode(event)?;
        // Mostly there is credit. An event that waits for credit gets a buffer of its own.
        let event = match shared.emit(&event) {
            Err(HookError::Full) => event.take(),
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

    /// Keeps events while no connection is open.
    pub(super) fn keep(&self, settings: KeepEvents) {
        if let Some(shared) = &self.shared {
            let kept = shared.state.lock().kept.replace(KeptEvents::new(settings));
            drop(kept);
        }
    }

    /// Expects connections, and keeps events for them, as long as this lives.
    pub(super) fn expect(&self) -> Expecting {
        if let Some(shared) = &self.shared {
            let mut state = shared.state.lock();
            (state.runs, state.is_over) = (state.runs + 1, false);
        }
        Expecting(self.clone())
    }

    /// Sends events over this connection from now on, first those that were kept. Returns how many
    /// were dropped since the last connection.
    pub(super) fn connect(&self, connection: Arc<SharedConnection>) -> u64 {
        let Some(shared) = &self.shared else { return 0 };
        shared.change(|state| {
            state.connections.push(connection);
            state.is_over = false;
        });
        shared.state.lock().kept.as_mut().map_or(0, KeptEvents::take_dropped)
    }

    /// Stops sending events over this connection; if it is the newest, goes on with the one before.
    pub(super) fn disconnect(&self, connection: &Arc<SharedConnection>) {
        let Some(shared) = &self.shared else { return };
        let gone = shared.change(|state| {
            let mut open = state.connections.iter();
            let place = open.position(|open| Arc::ptr_eq(open, connection))?;
            Some(state.connections.remove(place))
        });
        // Without the lock: it may be the last of its connection.
        drop(gone);
    }

    /// There is credit: sends the events that wait for it.
    pub(super) fn ring(&self) {
        if let Some(shared) = &self.shared {
            shared.change(|_| {});
        }
    }
}

impl Drop for Expecting {
    fn drop(&mut self) {
        let Some(shared) = &self.0.shared else { return };
        shared.change(|state| {
            state.runs -= 1;
            state.is_over = state.runs == 0;
        });
    }
}

impl Shared {
    fn emit(&self, event: &[u8]) -> Result<(), HookError> {
        let state = self.state.lock();
        if state.kept.as_ref().is_some_and(|kept| !kept.is_empty()) && !state.connections.is_empty()
        {
            return Err(HookError::Full);
        }
        let open = state.connections.last().cloned();
        drop(state);
        let Some(open) = open else { return self.keep(event) };
        let mut connection = open.lock();
        match connection.emit(event) {
            Ok(()) => {
                connection.unlock_and_wake();
                Ok(())
            }
            Err(EmitError::Full) => Err(HookError::Full),
            Err(EmitError::TooLarge { size, limit }) => Err(HookError::TooLarge { size, limit }),
            Err(_) => {
                drop(connection);
                self.keep(event)
            }
        }
    }

    /// Keeps an event that no connection takes.
    fn keep(&self, event: &[u8]) -> Result<(), HookError> {
        // Another connection may have opened meanwhile, which sends it.
        let is_kept = self.change(|state| {
            let kept = state.kept.as_mut().filter(|_| !state.is_over);
            kept.is_some_and(|kept| kept.push(event))
        });
        if is_kept { Ok(()) } else { Err(HookError::Closed) }
    }

    /// Changes what can be sent where, sends what was kept, and wakes the tasks that wait to send.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let changed = change(&mut state);
        let has_output = state.send_kept();
        drop(state);
        if let Some(connection) = has_output {
            // Without the hook's lock, since this runs code of others.
            connection.lock().unlock_and_wake();
        }
        self.bell.notify_waiters();
        changed
    }
}

impl State {
    /// Sends events that were kept, as far as the newest connection takes them. Returns the
    /// connection if that has something to send now.
    fn send_kept(&mut self) -> Option<Arc<SharedConnection>> {
        let kept = self.kept.as_mut().filter(|kept| !kept.is_empty())?;
        let open = self.connections.last()?;
        let mut connection = open.lock();
        let mut has_sent = false;
        while let Some(event) = kept.front() {
            match connection.emit(event) {
                Ok(()) => {
                    has_sent = true;
                    kept.pop();
                }
                // This hub takes smaller ones than the one before.
                Err(EmitError::TooLarge { .. }) => kept.drop_front(),
                Err(_) => break,
            }
        }
        has_sent.then(|| open.clone())
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
            Some(shared) if shared.state.lock().connections.is_empty() => "closed",
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

    /// A connection whose handshake isn't over takes no events, so what was kept stays.
    #[test]
    fn new_events_wait_behind_those_that_are_kept() {
        let connection = Connection::accepted(Limits::default(), Wires::default(), now());
        let connection = Arc::new(SharedConnection::new(connection));
        let hook = AsyncHook::new();
        assert!(matches!(hook.try_emit(&0), Err(HookError::Closed)));
        hook.keep(KeepEvents::default());
        hook.try_emit(&1).unwrap();
        hook.connect(connection.clone());
        assert!(matches!(hook.try_emit(&2), Err(HookError::Full)));
        hook.disconnect(&connection);
        hook.try_emit(&3).unwrap();
        let mut state = hook.shared.as_ref().unwrap().state.lock();
        let kept = state.kept.as_mut().unwrap();
        assert_eq!(std::iter::from_fn(|| kept.pop()).collect::<Vec<_>>(), [&b"1"[..], b"3"]);
    }

    #[test]
    fn the_newest_connection_counts_of_those_that_are_open() {
        let connection = || {
            let connection = Connection::accepted(Limits::default(), Wires::default(), now());
            Arc::new(SharedConnection::new(connection))
        };
        let newest =
            |hook: &AsyncHook| hook.shared.as_ref()?.state.lock().connections.last().cloned();
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
