//! The state that all parts of a hub share.

mod config;
mod counters;
mod link;
mod network;
mod phase;
mod places;
mod predecessor;
mod presence;
mod registry;
mod revoking;
mod rooms;
mod signs;
mod sources;
mod spread;
mod suspended;
mod takeover;
mod throttle;
mod unplugged;
mod wires;

use std::sync::Arc;

use brpc_core::{CallErrorKind, DisconnectReason, Scope};
use brpc_rt::{Budget, Charge, Lane};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::config::{Config, Sequencer};
pub(crate) use self::counters::Unsaid;
use self::counters::{RefusalCounts, StrangerCounts, UnfinishedCounts};
pub use self::counters::{Refusals, Strangers, Unfinished};
pub(crate) use self::link::{Member, PluginLink, SOON};
pub(crate) use self::network::{Counted, Network};
pub(crate) use self::phase::{Phase, ShutdownRun, Stop};
pub(crate) use self::places::{Awaited, HeldPlace, Place, Places};
pub use self::presence::Presence;
pub(crate) use self::registry::{Found, Registry, members};
use self::revoking::Revoking;
pub(crate) use self::revoking::{holds, revoke};
pub(crate) use self::rooms::Rooms;
pub(crate) use self::spread::Spread;
use self::suspended::SuspendedCalls;
pub use self::takeover::Takeover;
pub(crate) use self::takeover::{InstanceId, Takeovers};
use self::throttle::Throttle;
pub use self::wires::Access;
use crate::events::Bus;
use crate::plugin_ref::PluginRef;
use crate::report::ShutdownReport;

/// The state that all parts of a hub share.
#[derive(Debug)]
pub(crate) struct Hub {
    config: Config,
    /// Random, the same for the life of the hub.
    epoch: [u8; 16],
    registry: RwLock<Registry>,
    bus: Bus,
    /// In which plugins with many events take turns.
    lane: Lane,
    /// Whether the hub serves.
    phase: Phase,
    /// Counts changes of the registry; those that wait for plugins watch it.
    changes: watch::Sender<u64>,
    /// The disconnect listeners.
    listeners: Mutex<Vec<mpsc::Sender<(PluginRef, DisconnectReason)>>>,
    /// Places for connections in their handshake.
    places: Arc<Places>,
    /// Room for their descriptions.
    rooms: Arc<Rooms>,
    /// Counts strangers.
    strangers: StrangerCounts,
    /// Counts refusals.
    refusals: RefusalCounts,
    /// Counts connections that ended in their handshake, and were told nothing.
    unfinished: UnfinishedCounts,
    /// Slows down those who fail to prove who they are.
    throttle: Throttle,
    /// Ends the connections of those who are not who they were any more.
    revoking: Revoking,
    /// Calls whose connection was lost.
    suspended: Arc<SuspendedCalls>,
    /// Counts the listeners that are not closed yet.
    open_listeners: TaskTracker,
    /// What is held for all calls in progress and all unread events.
    budget: Arc<Budget>,
}

impl Hub {
    pub(crate) fn new(config: Config) -> Self {
        let mut epoch = [0; 16];
        getrandom::fill(&mut epoch).expect("the system has random numbers");
        let open_listeners = TaskTracker::new();
        let budget = Arc::new(Budget::new(config.max_held_bytes));
        // This only permits waiting for it; listeners can still be added.
        open_listeners.close();
        Self {
            epoch,
            registry: RwLock::default(),
            bus: Bus::new(budget.clone()),
            lane: Lane::default(),
            phase: Phase::default(),
            changes: watch::Sender::new(0),
            listeners: Mutex::default(),
            places: Places::new(
                config.max_handshakes,
                config.max_handshakes_per_source,
                config.counted,
            ),
            rooms: Rooms::new(config.max_description_bytes),
            strangers: StrangerCounts::default(),
            refusals: RefusalCounts::default(),
            unfinished: UnfinishedCounts::default(),
            throttle: Throttle::default(),
            revoking: Revoking::default(),
            suspended: Arc::default(),
            open_listeners,
            budget,
            config,
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn epoch(&self) -> &[u8; 16] {
        &self.epoch
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.places
    }

    pub(crate) fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
    }

    /// Calls whose connection was lost, and that wait for their plugin.
    pub(crate) fn suspended(&self) -> &Arc<SuspendedCalls> {
        &self.suspended
    }

    pub(crate) fn strangers(&self) -> &StrangerCounts {
        &self.strangers
    }

    pub(crate) fn refusals(&self) -> &RefusalCounts {
        &self.refusals
    }

    pub(crate) fn unfinished(&self) -> &UnfinishedCounts {
        &self.unfinished
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// Counts the listeners that are not closed yet.
    pub(crate) fn open_listeners(&self) -> &TaskTracker {
        &self.open_listeners
    }

    /// Reads the registry.
    pub(crate) fn with_registry<R>(&self, look: impl FnOnce(&Registry) -> R) -> R {
        look(&self.registry.read())
    }

    /// Changes the registry.
    pub(crate) fn with_registry_mut<R>(&self, change: impl FnOnce(&mut Registry) -> R) -> R {
        change(&mut self.registry.write())
    }

    /// The registered plugin of a name.
    pub(crate) fn plugin(&self, name: &str) -> Option<Arc<PluginLink>> {
        self.with_registry(|registry| registry.plugin(name).cloned())
    }

    /// The connection of an instance, unless it has ended.
    pub(crate) fn instance(&self, plugin: &PluginRef) -> Option<Arc<PluginLink>> {
        self.with_registry(|registry| registry.instance(plugin).cloned())
    }

    /// All connections, also those in their handshake.
    pub(crate) fn connections(&self) -> Vec<Arc<PluginLink>> {
        self.with_registry(|registry| registry.connections().cloned().collect())
    }

    /// Charges so many calls, with one input of this size, to the hub's budget.
    pub(crate) fn charge(&self, calls: usize, input: usize) -> Result<Charge, CallErrorKind> {
        let charge = self.budget.clone().charge(calls * CALL + input);
        charge.ok_or(CallErrorKind::Overloaded { scope: Scope::Hub, retry_after: None })
    }

    /// What is held for all calls in progress and all unread events.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Wakes those that wait for plugins. Called after a change of the registry: a wait that begins
    /// meanwhile sees it there.
    pub(crate) fn note_change(&self) {
        if self.changes.receiver_count() > 0 {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Counts changes; take this before a look at the registry, so that no change is missed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn add_listener(&self, listener: mpsc::Sender<(PluginRef, DisconnectReason)>) {
        self.listeners.lock().push(listener);
    }

    pub(crate) fn tell_disconnect(&self, plugin: &PluginRef, reason: DisconnectReason) {
        // Without the lock: who subscribes to log lines may come back.
        let listeners = self.listeners.lock().clone();
        for listener in listeners {
            if listener.try_send((plugin.clone(), reason)).is_err() {
                tracing::warn!(plugin = plugin.name(), "a disconnect callback lags; it misses one");
            }
        }
    }

    /// Lets the hub register plugins; returns a token that fires when the hub stops serving. `None`
    /// while the hub shuts down. A hub that has shut down serves again.
    pub(crate) fn start_serving(self: &Arc<Self>) -> Option<CancellationToken> {
        let stop = self.phase.start(|| {
            self.bus.open();
            self.suspended.open();
        })?;
        self.revoking.begin(self);
        Some(stop)
    }

    /// Ends a shutdown.
    pub(crate) fn finish_shutdown(&self, report: Arc<ShutdownReport>) {
        // First, so that it ends no stream of the next run.
        self.bus.close();
        self.phase.finish(report);
        self.revoking.end();
        self.note_change();
    }

    /// Whether plugins can connect, or could before: a listener is served, or a connection was
    /// attached.
    pub(crate) fn is_served(&self) -> bool {
        !self.open_listeners.is_empty() || self.with_registry(Registry::has_seen_any)
    }

    /// Ends all connections without waiting.
    pub(crate) fn abort(&self) {
        self.phase.abort();
        self.revoking.end();
        let links = self.connections();
        let spread = Spread::new(links.len(), None);
        for link in links {
            link.ask_to_return(spread.wait());
            link.close(DisconnectReason::ShutdownForced);
        }
        self.suspended.close();
        self.bus.close();
    }
}

/// About what a call in progress takes beside its input: its slot, and its places in the tables of
/// its connection.
const CALL: usize = 384;
