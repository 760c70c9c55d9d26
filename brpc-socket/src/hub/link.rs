//! One connection of a hub, as callers and the registry see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use brpc_core::{DisconnectReason, Identity, Limits, PluginInfo, Refusal, RefusalCode, Selector};
use brpc_proto::{Connection, Description, DrainCause, Hello, Idempotent, Proof, Tally, Wires};
use brpc_rt::foreign::shielded;
use brpc_rt::{SharedConnection, now};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::predecessor::Predecessor;
use super::signs::Signs;
use super::takeover::{InstanceId, Takeovers};
use crate::events::Consumed;
use crate::listener::Source;
use crate::plugin_ref::PluginRef;
use crate::secure::Report;

/// When a refused plugin may retry, if the reason passes quickly.
pub(crate) const SOON: Duration = Duration::from_secs(1);

/// One connection of a hub.
#[derive(Debug)]
pub(crate) struct PluginLink {
    /// The number of the connection, which is also its generation.
    pub(crate) id: u64,
    /// Where the connection is from, if that is known.
    pub(crate) source: Option<Source>,
    connection: Arc<SharedConnection>,
    /// Who its plugin is; set when that is known, before the plugin is let in.
    identity: OnceLock<Arc<Identity>>,
    /// Whether that was revoked.
    is_revoked: AtomicBool,
    /// Who waits for the plugin's proof.
    prover: Mutex<Option<oneshot::Sender<Proof>>>,
    /// Set when the plugin is registered.
    member: OnceLock<Member>,
    /// Whether the plugin has disconnected. Here as well as in [`PluginRef`], because each call
    /// checks it.
    has_ended: AtomicBool,
    /// The connection that had the name before.
    predecessor: Predecessor,
    /// Signs of life that were asked for.
    signs: Signs,
    /// What became of TLS, if the connection goes on above it.
    tls: OnceLock<Report>,
    /// How the connection ended, if it has.
    end: watch::Sender<Option<(DisconnectReason, Tally)>>,
}

/// A registered plugin.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) plugin: PluginRef,
    pub(crate) instance: Option<InstanceId>,
    /// How often its name was taken over lately.
    pub(crate) takeovers: Takeovers,
    /// Which of its methods are idempotent.
    pub(crate) idempotent: Idempotent,
    pub(crate) description: Arc<Description>,
    /// Counts its consumed events whose credit is not yet returned.
    pub(crate) consumed: Arc<Consumed>,
}

impl Member {
    pub(crate) fn is_meant_by(&self, selector: &Selector) -> bool {
        self.plugin.is_meant_by(selector, &self.description)
    }

    /// The plugin as it describes itself. Decodes its description.
    pub(crate) fn info(&self) -> PluginInfo {
        let plugin = &self.plugin;
        let mut functions = self.description.functions();
        for (number, function) in (0..).zip(&mut functions) {
            function.idempotent = self.idempotent.contains(number);
        }
        let (name, version) = (plugin.name(), plugin.version());
        let mut info = PluginInfo::new(name, version, plugin.generation(), functions);
        info.wire = plugin.wire();
        info.stuck = plugin.stuck();
        info.identity = plugin.identity().map(|identity| identity.name().to_owned());
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        info.labels = plugin.labels().map(owned).collect();
        info
    }
}

impl PluginLink {
    pub(crate) fn new(id: u64, source: Option<Source>, limits: Limits, wires: Wires) -> Self {
        Self {
            id,
            source,
            connection: Arc::new(SharedConnection::new(
                Connection::accepted(limits, wires, now()).with_resumption(),
            )),
            identity: OnceLock::new(),
            is_revoked: AtomicBool::new(false),
            prover: Mutex::default(),
            member: OnceLock::new(),
            has_ended: AtomicBool::new(false),
            predecessor: Predecessor::default(),
            signs: Signs::default(),
            tls: OnceLock::new(),
            end: watch::Sender::new(None),
        }
    }

    /// The connection.
    pub(crate) fn connection(&self) -> &Arc<SharedConnection> {
        &self.connection
    }

    /// The connection goes on above TLS; returns where that notes its fate.
    pub(crate) fn begin_tls(&self) -> Report {
        self.tls.get_or_init(Report::default).clone()
    }

    /// Whether it is encrypted by the hub's own TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.get().is_some_and(Report::is_secured)
    }

    /// The certificate that the plugin has shown, if it has.
    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    pub(crate) fn certificate(&self) -> Option<Arc<crate::tls::ClientCertificate>> {
        self.tls.get()?.certificate()
    }

    /// Whether a handshake of TLS has begun, and not succeeded.
    pub(crate) fn is_in_tls_handshake(&self) -> bool {
        self.tls.get().is_some_and(|report| !report.is_secured())
    }

    /// Why TLS failed, if it did.
    pub(crate) fn tls_error(&self) -> Option<String> {
        Some(self.tls.get()?.error()?.to_string())
    }

    /// Why the plugin's certificate was refused, if it was.
    pub(crate) fn refused_certificate(&self) -> Option<String> {
        Some(self.tls.get()?.refused_certificate()?.to_string())
    }

    /// Who its plugin is, if that is known.
    pub(crate) fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.get()
    }

    /// Notes who its plugin is, once.
    pub(crate) fn set_identity(&self, identity: Identity) -> &Arc<Identity> {
        self.identity.get_or_init(|| Arc::new(identity))
    }

    /// Notes that its identity is revoked; false if that was noted before.
    pub(crate) fn begin_revoking(&self) -> bool {
        !self.is_revoked.swap(true, Ordering::AcqRel)
    }

    /// Whether both plugins have the same identity, or none is known.
    pub(crate) fn is_of_same_identity(&self, other: &Self) -> bool {
        self.identity().map(|it| it.name()) == other.identity().map(|it| it.name())
    }

    /// Tells the plugin from others: by its instance, and by who it is.
    pub(crate) fn instance(&self, hello: &Hello) -> Option<InstanceId> {
        InstanceId::of(hello, self.identity().map(|identity| identity.name()))
    }

    /// Asks the plugin to prove that it knows the secret of its key; returns where its answer arrives.
    /// `None` if it offers no key, or was asked before.
    pub(crate) fn challenge(&self) -> Option<oneshot::Receiver<Proof>> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).expect("the system has random numbers");
        let (sender, answer) = oneshot::channel();
        let mut connection = self.connection.lock();
        if !connection.challenge(nonce) {
            return None;
        }
        // With the lock, so that it is there when the answer is.
        *self.prover.lock() = Some(sender);
        connection.unlock_and_wake();
        Some(answer)
    }

    /// The plugin has answered.
    pub(crate) fn handle_proof(&self, proof: Proof) {
        let prover = self.prover.lock().take();
        // Without the lock: this wakes a task.
        if let Some(prover) = prover {
            let _ = prover.send(proof);
        }
    }

    /// Accepts the plugin's Hello.
    pub(crate) fn accept(&self, known: Option<Arc<Description>>) {
        let mut connection = self.connection.lock();
        connection.accept(known);
        connection.unlock_and_wake();
    }

    /// Refuses the plugin, if it is in its handshake.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut connection = self.connection.lock();
        connection.refuse(refusal);
        connection.unlock_and_wake();
    }

    /// The plugin, if it is registered.
    pub(crate) fn member(&self) -> Option<&Member> {
        self.member.get()
    }

    /// Whether the plugin has disconnected.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Whether the plugin can be called: it is registered, and isn't about to leave.
    pub(crate) fn is_ready(&self) -> bool {
        self.connection.lock().is_ready()
    }

    /// Welcomes the plugin under its name. Called with the registry's lock, so that the plugin can
    /// be called as soon as it is found there. Nothing of it is reported before the end of the
    /// connection that had the name. False if the connection has ended meanwhile.
    pub(crate) fn welcome(
        &self,
        member: Member,
        epoch: [u8; 16],
        predecessor: Option<Arc<Self>>,
    ) -> bool {
        let mut connection = self.connection.lock();
        let is_welcome = connection.welcome(member.plugin.name(), self.id, epoch, now());
        // With the lock, so that the driver finds all this when it passes the event on.
        if is_welcome && let Some(predecessor) = predecessor {
            self.predecessor.set(async move {
                predecessor.ended().await;
            });
        }
        is_welcome && self.member.set(member).is_ok()
    }

    /// The connection that had the name before; its end is reported first.
    pub(crate) fn predecessor(&self) -> &Predecessor {
        &self.predecessor
    }

    /// Whether it can be found out if the plugin lives.
    pub(crate) fn can_be_asked(&self) -> bool {
        self.connection.lock().terms().is_some_and(|terms| terms.heartbeat.is_some())
    }

    /// Signs of life that were asked for.
    pub(crate) fn signs(&self) -> &Signs {
        &self.signs
    }

    /// Whether the plugin lives: asks it for a sign of life, and waits for that. One that can't be
    /// asked counts as alive, up to the end of its connection.
    pub(crate) async fn lives(&self) -> bool {
        let ask = || {
            let mut connection = self.connection.lock();
            if connection.is_closed() || !connection.probe() {
                return Some(!connection.is_closed());
            }
            connection.unlock_and_wake();
            None
        };
        tokio::select! {
            lives = self.signs.wait(ask) => lives,
            _ = self.ended() => false,
        }
    }

    /// Ends the connection, since another one gets its name. Called with the registry's lock, so
    /// its driver is not woken.
    pub(crate) fn replace(&self) {
        self.connection.lock_with_calls().close(DisconnectReason::Replaced);
    }

    /// Whether the connection is over, even if that isn't reported yet.
    pub(crate) fn is_over(&self) -> bool {
        self.connection.lock().is_closed()
    }

    /// Wakes the connection's driver, for a command that was given where no task is woken.
    pub(crate) fn wake(&self) {
        self.connection.lock().unlock_and_wake();
    }

    /// Gives way to another connection in its handshake.
    pub(crate) fn give_way(&self) {
        let mut connection = self.connection.lock();
        connection.give_way(now());
        connection.unlock_and_wake();
    }

    /// Lets the connection hold more of the plugin's description.
    pub(crate) fn grant_room(&self) {
        let mut connection = self.connection.lock();
        connection.grant_room();
        connection.unlock_and_wake();
    }

    /// Refuses a plugin whose description takes up room for too long.
    pub(crate) fn refuse_description(&self) {
        let message = "too many plugins with long descriptions are in their handshake";
        self.refuse(Refusal::new(RefusalCode::Full, message).retry_after(SOON));
    }

    /// Asks the plugin to leave, and to return after so long, if at all. Calls that were submitted
    /// before are still sent.
    pub(crate) fn drain(
        &self,
        cause: DrainCause,
        trace: &str,
        until: Instant,
        returning: Option<Duration>,
    ) {
        let mut connection = self.connection.lock_with_calls();
        if let Some(after) = returning {
            connection.ask_to_return(after);
        }
        connection.drain(cause, trace, Some(until.into_std()));
        connection.unlock_and_wake();
    }

    /// Tells the plugin to return after so long, when the connection has ended.
    pub(crate) fn ask_to_return(&self, after: Duration) {
        self.connection.lock().ask_to_return(after);
    }

    /// Ends the connection now.
    pub(crate) fn close(&self, reason: DisconnectReason) {
        let mut connection = self.connection.lock_with_calls();
        connection.close(reason);
        connection.unlock_and_wake();
    }

    /// Notes that the plugin has disconnected; it isn't called any more.
    pub(crate) fn set_gone(&self, reason: DisconnectReason) {
        if let Some(member) = self.member() {
            member.plugin.set_ended(reason);
        }
        self.has_ended.store(true, Ordering::Release);
    }

    /// Notes how the connection ended, and wakes those that wait for it.
    pub(crate) fn set_ended(&self, reason: DisconnectReason, tally: Tally) {
        self.end.send_replace(Some((reason, tally)));
    }

    /// Waits until the connection has ended; returns how.
    pub(crate) async fn ended(&self) -> (DisconnectReason, Tally) {
        let mut end = self.end.subscribe();
        let end = shielded(end.wait_for(Option::is_some)).await;
        end.ok().and_then(|end| *end).unwrap_or((DisconnectReason::Reset, Tally::default()))
    }
}
