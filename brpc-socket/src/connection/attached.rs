//! One connection, from its stream to its end: passes its events on to the hub.

use std::collections::vec_deque::Drain;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use brpc_core::DisconnectReason;
use brpc_proto::resume::Suspension;
use brpc_proto::{
    Description, Event as ConnectionEvent, Features, Hello, Settlement, Tally, Terms,
};
use brpc_rt::{Lane, Link, SharedConnection, Slot};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::field::DisplayValue;

use super::authenticating::Newcomer;
use super::registration::{Candidate, admit, refuse};
use crate::auth::audit;
use crate::encryption::Encryption;
use crate::events::{Event, Message, Origin, Unread, copy_all};
use crate::hub::{Awaited, HeldPlace, Hub, Place, PluginLink, Unsaid};
use crate::listener::Source;
use crate::secure::{Report, Tls, secure};

/// Drives a connection in a task of its own, until it ends: over the stream, or over TLS on it.
#[track_caller]
pub(crate) fn attach<S>(
    hub: &Arc<Hub>,
    stream: S,
    source: Option<Source>,
    encryption: Encryption,
    place: Option<Place>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    brpc_rt::require_timers();
    let attached = Attached::new(hub, source, encryption, place);
    brpc_rt::spawn(async move {
        if let Some(below) = brpc_rt::drive(&attached, stream).await
            && let Some((tls, report)) = attached.begin_tls()
        {
            // Its handshake goes on while the connection is driven, so that all limits apply to it.
            brpc_rt::drive(&attached, secure(&tls, below.stream, &report)).await;
        }
    });
}

/// A connection in the hands of its driver: passes its events on to the hub. A driver that is
/// dropped early, as when the runtime shuts down, ends the connection.
pub(super) struct Attached {
    hub: Arc<Hub>,
    link: Arc<PluginLink>,
    /// The plugin's Hello, until it is registered.
    hello: Mutex<Option<Arc<Hello>>>,
    /// Its place among the connections in their handshake.
    place: HeldPlace,
}

impl Attached {
    /// Adds a connection to the hub.
    pub(super) fn new(
        hub: &Arc<Hub>,
        source: Option<Source>,
        encryption: Encryption,
        place: Option<Place>,
    ) -> Self {
        let config = hub.config();
        let (limits, wires) = (config.limits.clone(), config.wires.first(source, encryption));
        let link = hub.with_registry_mut(|registry| {
            let link = Arc::new(PluginLink::new(registry.next_id(), source, limits, wires));
            registry.add(link.clone());
            link
        });
        let place = HeldPlace::new(place);
        place.awaits(Awaited::Hello, &link);
        Self { hub: hub.clone(), link, hello: Mutex::default(), place }
    }

    /// The connection goes on above TLS. Returns the settings for that, and where its fate is noted.
    fn begin_tls(&self) -> Option<(Tls, Report)> {
        let config = self.hub.config();
        let wires = config.wires.above_tls(self.link.source);
        self.link.connection().lock().sniff_above(wires);
        Some((config.tls.clone()?, self.link.begin_tls()))
    }

    /// Handles an event of the connection. Events of the handshake may be handled later than those
    /// that follow them.
    pub(super) fn handle_event(&self, event: ConnectionEvent<Arc<Slot>>) {
        match event {
            ConnectionEvent::Settled(slot, settlement) => slot.settle(settlement),
            ConnectionEvent::Suspended(slot, suspension) => self.suspend(slot, *suspension),
            ConnectionEvent::Resume(recalled) => {
                if let Some(member) = self.link.member() {
                    let connection = self.link.connection();
                    self.hub.suspended().resume(member.instance, recalled, connection);
                }
            }
            ConnectionEvent::Message(payload) => self.handle_messages(&[payload]),
            ConnectionEvent::Stranger(wire, first) => {
                self.hub.strangers().count(wire);
                let (connection, source) = (self.link.id, self.source());
                tracing::debug!(connection, source, ?wire, ?first, "another protocol is spoken");
            }
            ConnectionEvent::WantsRoom(bytes) => {
                self.place.awaits(Awaited::Description, &self.link);
                self.hub.rooms().want(&self.link, bytes);
            }
            ConnectionEvent::Hello(hello) => self.handle_hello(hello),
            ConnectionEvent::Proof(proof) => {
                self.place.stays();
                self.link.handle_proof(*proof);
            }
            ConnectionEvent::Described(description) => self.handle_description(&description),
            ConnectionEvent::Welcomed(terms) => self.handle_welcome(&terms),
            ConnectionEvent::Refused(refusal) => {
                self.hub.refusals().count(refusal.code);
                let (connection, source) = (self.link.id, self.source());
                tracing::debug!(connection, source, code = ?refusal.code, "connection refused");
            }
            ConnectionEvent::Alive => self.link.signs().note(),
            ConnectionEvent::Stuck(stuck) => self.handle_stuck(stuck),
            ConnectionEvent::LastWords(words) => {
                // Printed with escapes, since it may be any text.
                let (connection, source) = (self.link.id, self.source());
                tracing::warn!(connection, source, ?words, "the plugin says why it goes");
            }
            ConnectionEvent::Closed(reason, tally) => self.handle_end(reason, tally),
            _ => {}
        }
    }

    /// The connection, as callers and the registry see it.
    #[cfg(test)]
    pub(super) fn link(&self) -> &Arc<PluginLink> {
        &self.link
    }

    /// Where the connection is from, for the log; `None` if that isn't known.
    fn source(&self) -> Option<DisplayValue<Source>> {
        self.link.source.map(tracing::field::display)
    }

    /// Answers a Hello: now, or later and from another task, up to the handshake's deadline.
    fn handle_hello(&self, hello: Arc<Hello>) {
        self.place.stays();
        match admit(&self.hub, &hello) {
            Ok(known) => {
                *self.hello.lock() = Some(hello.clone());
                if let Some(authenticator) = self.hub.config().authenticator.clone() {
                    let (hub, link, place) = (&self.hub, &self.link, &self.place);
                    let (hub, link, place) = (hub.clone(), link.clone(), place.clone());
                    return Newcomer { hub, link, hello, place }.settle(authenticator);
                }
                self.link.accept(known);
                self.place.awaits(Awaited::Description, &self.link);
            }
            Err(refusal) => refuse(&self.link, &hello, refusal),
        }
    }

    fn handle_description(&self, description: &Arc<Description>) {
        let Some(hello) = self.hello.lock().take() else { return };
        self.place.stays();
        let (hub, link) = (self.hub.clone(), self.link.clone());
        let (description, instance) = (description.clone(), link.instance(&hello));
        let candidate = Candidate { hub, link, hello, description, instance };
        candidate.settle();
    }

    /// Keeps a call whose connection is lost until its plugin is back. One that came after the end
    /// ends: the plugin may be back already.
    fn suspend(&self, slot: Arc<Slot>, suspension: Suspension) {
        match self.link.member() {
            Some(member) if !self.link.has_ended() => {
                let (plugin, instance) = (&member.plugin, member.instance);
                self.hub.suspended().suspend(plugin, instance, slot, suspension);
            }
            _ => slot.settle(Settlement::Ended(suspension.lost())),
        }
    }

    fn handle_welcome(&self, terms: &Terms) {
        self.place.free();
        self.hub.rooms().leave(&self.link);
        let Some(member) = self.link.member() else { return };
        let resumes = terms.features.has(Features::RESUME);
        self.hub.suspended().begin(member.plugin.name(), member.instance, resumes);
        let plugin = &member.plugin;
        let (version, generation) = (plugin.version(), plugin.generation());
        let (plugin_name, source) = (plugin.name(), self.source());
        let encrypted = self.link.is_encrypted();
        tracing::info!(
            plugin = plugin_name,
            version,
            generation,
            source,
            encrypted,
            "plugin connected"
        );
        self.hub.bus().publish(vec![Unread::new(Event::Connected(plugin.clone()))]);
        self.hub.note_change();
    }

    fn handle_stuck(&self, stuck: Option<Duration>) {
        let Some(member) = self.link.member() else { return };
        let plugin = &member.plugin;
        let (name, generation) = (plugin.name(), plugin.generation());
        tracing::info!(plugin = name, generation, source = self.source(), ?stuck, "plugin stuck");
        self.hub.bus().publish(vec![Unread::new(Event::Stuck(plugin.clone(), stuck))]);
    }

    /// Passes on events that arrived together.
    fn handle_messages(&self, payloads: &[Bytes]) {
        let Some(member) = self.link.member().filter(|_| !payloads.is_empty()) else { return };
        let origin = Arc::new(Origin {
            plugin: member.plugin.clone(),
            consumed: member.consumed.clone(),
            connection: Arc::downgrade(self.link.connection()),
        });
        let events = copy_all(payloads).map(|payload| {
            Unread::new(Event::Message(Message { origin: origin.clone(), payload }))
        });
        self.hub.bus().publish(events.collect());
    }

    fn handle_end(&self, reason: DisconnectReason, tally: Tally) {
        self.link.set_gone(reason);
        if let Some(member) = self.link.member() {
            let plugin = &member.plugin;
            let (generation, Tally { finished, cut, .. }) = (plugin.generation(), tally);
            let name = plugin.name();
            tracing::info!(
                plugin = name,
                generation,
                source = self.source(),
                ?reason,
                finished,
                cut,
                "plugin disconnected"
            );
            let event = Event::Disconnected(plugin.clone(), reason);
            self.hub.bus().publish(vec![Unread::new(event)]);
            self.hub.tell_disconnect(plugin, reason);
        } else {
            let (connection, source) = (self.link.id, self.source());
            let tls = self.link.tls_error();
            if let Some(reason) = self.link.refused_certificate() {
                audit::refused(&self.link, None, None, &reason);
            }
            tracing::debug!(connection, source, ?reason, tls, "a handshake ended");
            self.count_unsaid(reason);
        }
        // Closing takes a while, in which the connection can't make room.
        self.place.stays();
        self.hub.rooms().leave(&self.link);
        // Now the name is free; the next plugin of that name is reported later than this one's end.
        let has_left = reason.is_graceful() && !tally.overstayed;
        self.hub.with_registry_mut(|registry| registry.remove(&self.link, has_left));
        self.link.set_ended(reason, tally);
        self.hub.note_change();
    }

    /// Counts a connection that has ended in its handshake, unless it was told why.
    fn count_unsaid(&self, reason: DisconnectReason) {
        use DisconnectReason as R;
        let unsaid = match reason {
            // Counted as a refusal, or as a stranger; or the runtime ends.
            R::Refused | R::Protocol(_) | R::ShutdownForced => return,
            _ if self.link.is_in_tls_handshake() => Unsaid::Tls,
            _ => Unsaid::Gone,
        };
        self.hub.unfinished().count(unsaid);
    }
}

impl Link for Attached {
    fn connection(&self) -> &SharedConnection {
        self.link.connection()
    }

    fn lane(&self) -> Lane {
        self.hub.lane().clone()
    }

    fn poll_takes_events(&self, context: &mut Context<'_>) -> Poll<()> {
        self.link.predecessor().poll_gone(context)
    }

    fn handle_events(&self, mut events: Drain<'_, ConnectionEvent<Arc<Slot>>>) {
        let mut payloads = Vec::new();
        while let Some(event) = events.next() {
            if let ConnectionEvent::Message(payload) = event {
                // Reserved once, for all that follow.
                payloads.reserve(1 + events.len());
                payloads.push(payload);
                continue;
            }
            // Events keep their order.
            if !payloads.is_empty() {
                self.handle_messages(&std::mem::take(&mut payloads));
            }
            self.handle_event(event);
        }
        self.handle_messages(&payloads);
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.link.connection().lock().close(DisconnectReason::ShutdownForced);
        self.finish();
        // Somebody may still be finding out who the plugin is.
        self.place.free();
    }
}
