//! What a plugin that stays connected does at the moment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brpc_proto::Terms;
use brpc_rt::foreign::shielded;
use tokio::sync::broadcast;

use crate::address::HubAddress;
use crate::end::EndReason;
use crate::error::ConnectError;

/// What a plugin that stays connected does at the moment; told by [`RunStates`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RunState {
    /// It dials a hub, after a wait.
    #[non_exhaustive]
    Connecting {
        /// How many attempts there were since the last connection, with this one.
        attempt: u32,
        /// How long it waits before this attempt.
        after: Duration,
        /// The hub; `None` if the plugin doesn't dial itself
        /// ([`Plugin::run_over`](crate::Plugin::run_over)).
        hub: Option<HubAddress>,
    },
    /// A hub has registered it.
    #[non_exhaustive]
    Connected {
        /// The hub's own number: random, another one after a restart of the hub. Zeros if the hub
        /// sends none.
        epoch: [u8; 16],
        /// The plugin's name on this hub.
        name: String,
        /// The number of this connection, which rises within an epoch; 0 if the hub sends none.
        generation: u64,
        /// How many events were dropped since it was last connected, of those that it was to
        /// [keep](crate::Plugin::keep_events).
        dropped_events: u64,
    },
    /// It is not connected.
    #[non_exhaustive]
    Away {
        /// Why.
        reason: AwayReason,
    },
}

impl RunState {
    /// That a hub has registered it, on these terms.
    pub(super) fn connected(terms: &Terms, dropped_events: u64) -> Self {
        let Terms { epoch, name, generation, .. } = terms;
        Self::Connected {
            epoch: *epoch,
            name: name.clone(),
            generation: *generation,
            dropped_events,
        }
    }
}

/// Why a plugin that stays connected isn't. Its `Display` is complete.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AwayReason {
    /// Its connection has ended.
    Ended(EndReason),
    /// An attempt has failed. What can't succeed later ends the run instead.
    NotConnected(Arc<ConnectError>),
}

/// The states of a plugin that stays connected, in order; made by
/// [`Run::states`](crate::Run::states).
#[derive(Debug)]
pub struct RunStates(broadcast::Receiver<RunState>);

/// Tells the states.
#[derive(Debug)]
pub(super) struct Teller(broadcast::Sender<RunState>);

/// How many states are kept for who doesn't read them: some ten failed attempts.
const KEPT: usize = 32;

impl RunStates {
    /// The next state; `None` when the run has ended. If more than 32 are not read, the oldest of
    /// them are missing.
    ///
    /// # Cancel safety
    /// If this future is dropped, no state is lost.
    pub async fn next(&mut self) -> Option<RunState> {
        loop {
            match shielded(self.0.recv()).await {
                Ok(state) => return Some(state),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl Teller {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }

    pub(super) fn listen(&self) -> RunStates {
        RunStates(self.0.subscribe())
    }

    /// Tells a state, and logs what the connection itself doesn't.
    pub(super) fn tell(&self, state: RunState) {
        match &state {
            RunState::Connecting { attempt, after, hub } => {
                let hub = hub.as_ref().map(tracing::field::display);
                tracing::info!(attempt, ?after, hub, "connecting");
            }
            RunState::Connected { .. } => {}
            RunState::Away { reason } => tracing::info!(%reason, "away"),
        }
        // It fails if nobody listens.
        let _ = self.0.send(state);
    }
}

impl fmt::Display for AwayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(reason) => reason.fmt(f),
            Self::NotConnected(error) => {
                error.fmt(f)?;
                match std::error::Error::source(&**error) {
                    Some(source) => write!(f, ": {source}"),
                    None => Ok(()),
                }
            }
        }
    }
}
