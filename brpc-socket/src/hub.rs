//! What all parts of a hub share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use brpc_core::{CallError, DisconnectReason, Refusal, RefusalCode, Scope};
use brpc_proto::codec::Traits;
use brpc_proto::{Description, Hello};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::builder::{Config, Sequencer};
use crate::bus::Bus;
use crate::credit::Consumed;
use crate::drain::{ShutdownReport, ShutdownRun};
use crate::event::PluginRef;
use crate::link::{DrivenLink, HandshakePlace, Member, PluginLink};
use crate::listener::Source;
use crate::registry::Registry;
use crate::sources::Sources;
use crate::strangers::StrangerCounts;

/// What all parts of a hub share.
#[derive(Debug)]
pub(crate) struct Hub {
    config: Config,
    /// Random, the same for the life of the hub.
    epoch: [u8; 16],
    registry: RwLock<Registry>,
    bus: Bus,
    /// Whether the hub serves.
    phase: Mutex<Phase>,
    /// Counts what those who wait for plugins wait for.
    changes: watch::Sender<u64>,
    /// Who is told that a plugin is gone.
    listeners: Mutex<Vec<mpsc::Sender<(PluginRef, DisconnectReason)>>>,
    /// Places for connections that are not let in yet.
    pub(crate) handshakes: Arc<Semaphore>,
    /// The same by source.
    pub(crate) sources: Arc<Sources>,
    /// Places for those among them that say more of themselves than a `Hello` has room for.
    pub(crate) introductions: Arc<Semaphore>,
    /// Those who speak something else.
    pub(crate) strangers: StrangerCounts,
    /// Counts the listeners that are not closed yet.
    pub(crate) open_listeners: TaskTracker,
    /// Bytes of the inputs of all calls in progress.
    input_bytes: AtomicUsize,
}

/// Whether a hub serves.
#[derive(Debug)]
enum Phase {
    /// It lets plugins in. The token stops its listeners.
    Serving(CancellationToken),
    /// It waits for its plugins to leave.
    ShuttingDown(ShutdownRun),
    /// It has shut down, and can serve again.
    Stopped(Arc<ShutdownReport>),
}

impl Hub {
    pub(crate) fn new(config: Config) -> Self {
        let mut epoch = [0; 16];
        getrandom::fill(&mut epoch).expect("the system has random numbers");
        let open_listeners = TaskTracker::new();
        // It only says that one may wait for it; listeners can still be added.
        open_listeners.close();
        Self {
            epoch,
            registry: RwLock::default(),
            bus: Bus::default(),
            phase: Mutex::new(Phase::Serving(CancellationToken::new())),
            changes: watch::Sender::new(0),
            listeners: Mutex::default(),
            handshakes: Arc::new(Semaphore::new(config.max_handshakes)),
            sources: Sources::new(config.max_handshakes_per_source),
            introductions: Arc::new(Semaphore::new(config.max_introductions)),
            strangers: StrangerCounts::default(),
            open_listeners,
            input_bytes: AtomicUsize::new(0),
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

    /// A look at the registry.
    pub(crate) fn with_registry<R>(&self, look: impl FnOnce(&Registry) -> R) -> R {
        look(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_registry_mut<R>(&self, change: impl FnOnce(&mut Registry) -> R) -> R {
        change(&mut self.registry.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The plugin of a name, if it is let in.
    pub(crate) fn plugin(&self, name: &str) -> Option<Arc<PluginLink>> {
        self.with_registry(|registry| registry.plugin(name).cloned())
    }

    /// The connection of an instance, unless it has ended.
    pub(crate) fn instance(&self, plugin: &PluginRef) -> Option<Arc<PluginLink>> {
        self.with_registry(|registry| registry.instance(plugin).cloned())
    }

    /// Starts a connection, in a task of its own.
    #[track_caller]
    pub(crate) fn attach<S>(
        self: &Arc<Self>,
        stream: S,
        source: Option<Source>,
        place: HandshakePlace,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let link = self.with_registry_mut(|registry| {
            let (limits, wires) = (self.config.limits.clone(), self.config.wires.from(source));
            let link = PluginLink::new(self.clone(), registry.next_id(), limits, wires, place);
            let link = Arc::new(link);
            registry.add(link.clone());
            link
        });
        let link = DrivenLink(link);
        tokio::spawn(async move { brpc_rt::drive(&link, stream).await });
    }

    /// Whether a plugin may go on with its handshake, and its description if it is known.
    pub(crate) fn admit(&self, hello: &Hello) -> Result<Option<Arc<Description>>, Refusal> {
        if !matches!(*self.phase(), Phase::Serving(_)) {
            return Err(shutting_down());
        }
        self.with_registry(|registry| Ok(registry.description(&hello.digest)))
    }

    /// Registers a plugin under the name that it asks for, or one that the sequencer makes.
    pub(crate) fn register(
        &self,
        link: &Arc<PluginLink>,
        hello: &Hello,
        traits: Traits,
        description: &Arc<Description>,
    ) -> Result<(), Refusal> {
        let sequencer = self.config.sequencer.as_ref();
        let mut attempts_left = sequencer.map_or(0, |sequencer| sequencer.attempts);
        let mut name = hello.name.clone();
        loop {
            if self.try_register(link, &name, (hello, traits), description)? {
                return Ok(());
            }
            let Some(sequencer) = sequencer.filter(|_| attempts_left > 0) else { break };
            attempts_left -= 1;
            // The user's code; called without a lock.
            name = (sequencer.next)(&name);
            if !traits.names.plugin.allows(&name) {
                break;
            }
        }
        let name = hello.name.escape_debug();
        let message = match sequencer {
            Some(Sequencer { attempts, .. }) => {
                format!("the name `{name}` is taken, and so are {attempts} others that were tried")
            }
            None => format!("another plugin named `{name}` is connected"),
        };
        Err(Refusal::new(RefusalCode::NameTaken, message).retry_after(Duration::from_secs(1)))
    }

    /// Registers a plugin under this name, in one step with the look whether it is free.
    fn try_register(
        &self,
        link: &Arc<PluginLink>,
        name: &str,
        (hello, traits): (&Hello, Traits),
        description: &Arc<Description>,
    ) -> Result<bool, Refusal> {
        // Held throughout: a plugin is let in before the hub shuts down, and is asked to leave, or
        // not at all.
        let phase = self.phase();
        if !matches!(*phase, Phase::Serving(_)) {
            return Err(shutting_down());
        }
        self.with_registry_mut(|registry| {
            if registry.is_taken(name) {
                return Ok(false);
            }
            if registry.names() >= self.config.max_plugins {
                let refusal = Refusal::new(RefusalCode::Full, "the hub has no place left");
                return Err(refusal.retry_after(Duration::from_secs(5)));
            }
            let plugin = PluginRef::new(name.to_owned(), hello, link.id);
            let consumed = Arc::new(Consumed::new(&self.config.limits, traits.has_credit));
            // Replicas that connect at the same moment describe themselves each.
            let known = registry.description(description.digest());
            let description = known.unwrap_or_else(|| description.clone());
            registry.enter(name, link, &description);
            link.welcome(Member { plugin, description, consumed });
            Ok(true)
        })
    }

    pub(crate) fn unregister(&self, link: &PluginLink) {
        self.with_registry_mut(|registry| registry.remove(link));
    }

    /// Takes room for the input of a call, until the guard is dropped.
    pub(crate) fn charge(self: Arc<Self>, bytes: usize) -> Result<Charge, CallError> {
        let before = self.input_bytes.fetch_add(bytes, Ordering::Relaxed);
        let charge = Charge { hub: self, bytes };
        // One call always finds room, however large its input is.
        if before > 0 && before + bytes > charge.hub.config.max_input_bytes {
            return Err(CallError::Overloaded { scope: Scope::Hub, retry_after: None });
        }
        Ok(charge)
    }

    /// Wakes those who wait for plugins. Called after a change of the registry: whoever begins to
    /// wait meanwhile finds it there.
    pub(crate) fn note_change(&self) {
        if self.changes.receiver_count() > 0 {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Counts changes; to be taken before a look at the registry, so that none is missed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn add_listener(&self, listener: mpsc::Sender<(PluginRef, DisconnectReason)>) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    pub(crate) fn tell_disconnect(&self, plugin: &PluginRef, reason: DisconnectReason) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.iter() {
            if listener.try_send((plugin.clone(), reason)).is_err() {
                tracing::warn!(plugin = plugin.name(), "a disconnect callback lags; it misses one");
            }
        }
    }

    /// Stops its listeners when it is cancelled; `None` while the hub shuts down. A hub that was
    /// shut down serves again.
    pub(crate) fn start_serving(&self) -> Option<CancellationToken> {
        let mut phase = self.phase();
        match &*phase {
            Phase::Serving(stop) => Some(stop.clone()),
            Phase::ShuttingDown(_) => None,
            Phase::Stopped(_) => {
                let stop = CancellationToken::new();
                *phase = Phase::Serving(stop.clone());
                self.bus.open();
                Some(stop)
            }
        }
    }

    /// Begins to shut down, or finds it begun or done.
    pub(crate) fn begin_shutdown(&self, run: impl FnOnce() -> ShutdownRun) -> Stopping {
        let mut phase = self.phase();
        match &*phase {
            Phase::Stopped(report) => Stopping::Done(report.clone()),
            Phase::ShuttingDown(run) => Stopping::Joined(run.clone()),
            Phase::Serving(stop) => {
                stop.cancel();
                let run = run();
                *phase = Phase::ShuttingDown(run.clone());
                Stopping::Begun(run)
            }
        }
    }

    /// Ends what [`begin_shutdown`](Self::begin_shutdown) began.
    pub(crate) fn finish_shutdown(&self, report: Arc<ShutdownReport>) {
        // First, so that no stream is ended that belongs to the next time.
        self.bus.close();
        *self.phase() = Phase::Stopped(report);
        self.note_change();
    }

    /// Fires when the hub stops serving; `None` if it doesn't serve.
    pub(crate) fn serving(&self) -> Option<CancellationToken> {
        match &*self.phase() {
            Phase::Serving(stop) => Some(stop.clone()),
            Phase::ShuttingDown(_) | Phase::Stopped(_) => None,
        }
    }

    /// Whether the hub lets plugins in.
    pub(crate) fn is_serving(&self) -> bool {
        matches!(*self.phase(), Phase::Serving(_))
    }

    /// Whether plugins can come, or could before: a listener is served, or a connection was attached.
    pub(crate) fn is_served(&self) -> bool {
        !self.open_listeners.is_empty() || self.with_registry(Registry::has_seen_any)
    }

    /// Ends all connections without waiting.
    pub(crate) fn abort(&self) {
        // Whoever is in the handshake at this moment is refused.
        let before = std::mem::replace(&mut *self.phase(), Phase::Stopped(Arc::default()));
        if let Phase::Serving(stop) = before {
            stop.cancel();
        }
        let links: Vec<_> =
            self.with_registry(|registry| registry.connections().cloned().collect());
        for link in links {
            link.close(DisconnectReason::ShutdownForced);
        }
        self.bus.close();
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of the wish to shut down.
pub(crate) enum Stopping {
    /// It begins.
    Begun(ShutdownRun),
    /// It has begun before.
    Joined(ShutdownRun),
    /// It is done.
    Done(Arc<ShutdownReport>),
}

/// Room taken for the input of a call.
#[derive(Debug)]
pub(crate) struct Charge {
    hub: Arc<Hub>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.hub.input_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn shutting_down() -> Refusal {
    Refusal::new(RefusalCode::ShuttingDown, "the hub is shutting down")
        .retry_after(Duration::from_secs(1))
}
