//! One connection of the hub: what its driver, its callers and the registry share.

use std::collections::vec_deque::Drain;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use brpc_core::{DisconnectReason, Limits, PluginInfo, Refusal, RefusalCode, Selector};
use brpc_proto::{Connection, Description, DrainCause, Event as Told, Hello, Tally, Wires};
use brpc_rt::{Driven, Link, Slot, now};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::copies::copy_all;
use crate::credit::{Consumed, Origin};
use crate::event::{Event, Message, PluginRef};
use crate::hub::Hub;
use crate::sources::SourcePermit;
use crate::unread::Unread;

/// One connection of the hub.
#[derive(Debug)]
pub(crate) struct PluginLink {
    /// The number of the connection; also its generation.
    pub(crate) id: u64,
    hub: Arc<Hub>,
    driven: Arc<Driven>,
    /// What the plugin said of itself, until it is registered.
    hello: Mutex<Option<Arc<Hello>>>,
    /// The connection's place among those that are not let in yet: until it is let in, or its stream
    /// is closed, so that those who were refused and don't go take up places and not descriptors.
    place: Mutex<HandshakePlace>,
    /// Set when the plugin is let in.
    member: OnceLock<Member>,
    /// Whether the plugin is gone. Here as well as in [`PluginRef`], because each call looks at it.
    has_ended: AtomicBool,
    /// How the connection ended, once it has.
    end: watch::Sender<Option<(DisconnectReason, Tally)>>,
}

/// A plugin that is let in.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) plugin: PluginRef,
    pub(crate) description: Arc<Description>,
    /// Its events that were consumed and whose credit is not given back yet.
    pub(crate) consumed: Arc<Consumed>,
}

impl Member {
    pub(crate) fn is_meant_by(&self, selector: &Selector) -> bool {
        self.plugin.is_meant_by(selector, &self.description)
    }

    /// What it says of itself. Decodes its description.
    pub(crate) fn info(&self) -> PluginInfo {
        let plugin = &self.plugin;
        let functions = self.description.functions();
        let (name, version) = (plugin.name(), plugin.version());
        let mut info = PluginInfo::new(name, version, plugin.generation(), functions);
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        info.labels = plugin.labels().map(owned).collect();
        info
    }
}

/// A place among the connections that are not let in yet.
#[derive(Debug, Default)]
pub(crate) struct HandshakePlace {
    /// Its place among all of them; `None` if it came by other ways than a listener.
    _handshake: Option<OwnedSemaphorePermit>,
    /// Its place among those of the same source.
    _source: Option<SourcePermit>,
    /// Its place among those that say much of themselves.
    introduction: Option<OwnedSemaphorePermit>,
}

impl HandshakePlace {
    pub(crate) fn new(handshake: OwnedSemaphorePermit, source: Option<SourcePermit>) -> Self {
        Self { _handshake: Some(handshake), _source: source, introduction: None }
    }
}

impl PluginLink {
    pub(crate) fn new(
        hub: Arc<Hub>,
        id: u64,
        limits: Limits,
        wires: Wires,
        place: HandshakePlace,
    ) -> Self {
        Self {
            id,
            hub,
            driven: Arc::new(Driven::new(Connection::accepted(limits, wires, now()))),
            hello: Mutex::new(None),
            place: Mutex::new(place),
            member: OnceLock::new(),
            has_ended: AtomicBool::new(false),
            end: watch::Sender::new(None),
        }
    }

    /// The plugin, once it is let in.
    pub(crate) fn member(&self) -> Option<&Member> {
        self.member.get()
    }

    /// Whether it is the connection of a plugin that is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Whether the plugin can be called: it is let in, and not about to leave.
    pub(crate) fn is_ready(&self) -> bool {
        self.driven.lock().is_ready()
    }

    /// The connection.
    pub(crate) fn driven(&self) -> &Arc<Driven> {
        &self.driven
    }

    /// Gives credit back for so many events that were consumed, and their bytes.
    pub(crate) fn return_credit(&self, events: u32, bytes: u64) {
        let mut connection = self.driven.lock();
        connection.return_credit(events, bytes);
        if connection.wants_transmit() || !connection.takes_input() {
            connection.unlock_and_wake();
        }
    }

    /// Asks the plugin to leave. Calls that were made before are still sent.
    pub(crate) fn drain(&self, cause: DrainCause, trace: &str, until: Instant) {
        let mut connection = self.driven.lock_with_calls();
        connection.drain(cause, trace, Some(until.into_std()));
        connection.unlock_and_wake();
    }

    /// Ends the connection now.
    pub(crate) fn close(&self, reason: DisconnectReason) {
        let mut connection = self.driven.lock_with_calls();
        connection.close(reason);
        connection.unlock_and_wake();
    }

    /// How the connection ended; waits until it has.
    pub(crate) async fn ended(&self) -> (DisconnectReason, Tally) {
        let mut end = self.end.subscribe();
        let end = end.wait_for(Option::is_some).await;
        end.ok().and_then(|end| *end).unwrap_or((DisconnectReason::Reset, Tally::default()))
    }

    /// Lets the plugin in under a name. Called with the registry's lock, so that whoever finds it
    /// there can call it.
    pub(crate) fn welcome(&self, member: Member) {
        let name = member.plugin.name();
        self.driven.lock().welcome(name, self.id, *self.hub.epoch());
        let _ = self.member.set(member);
    }

    fn place(&self) -> MutexGuard<'_, HandshakePlace> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle_event(self: &Arc<Self>, event: Told<Arc<Slot>>) {
        match event {
            Told::Settled(slot, settlement) => slot.settle(settlement),
            Told::Message(payload) => self.handle_messages(&[payload]),
            Told::Hello(hello) => match self.hub.admit(&hello) {
                Ok(known) => {
                    *self.hello.lock().unwrap_or_else(PoisonError::into_inner) = Some(hello);
                    self.driven.lock().accept(known);
                }
                Err(refusal) => self.refuse(&hello, refusal),
            },
            Told::Stranger(wire, first) => {
                self.hub.strangers.count(wire);
                tracing::debug!(
                    connection = self.id,
                    ?wire,
                    ?first,
                    "a connection speaks what this hub doesn't"
                );
            }
            Told::WantsRoom => self.handle_long_introduction(),
            Told::Described(description) => self.handle_description(&description),
            Told::Refused(refusal) => {
                tracing::debug!(connection = self.id, code = ?refusal.code, "connection refused");
            }
            Told::LastWords(words) => {
                // Printed with escapes, since it may be any text.
                tracing::warn!(connection = self.id, ?words, "the plugin says why it goes");
            }
            Told::Closed(reason, tally) => self.handle_end(reason, tally),
            _ => {}
        }
    }

    /// Lets a plugin say much of itself, if not too many do so already.
    fn handle_long_introduction(&self) {
        if let Ok(permit) = self.hub.introductions.clone().try_acquire_owned() {
            self.place().introduction = Some(permit);
            return self.driven.lock().grant_room();
        }
        let message = "too many plugins with long descriptions are in their handshake";
        let refusal = Refusal::new(RefusalCode::Full, message).retry_after(Duration::from_secs(1));
        self.driven.lock().refuse(refusal);
    }

    fn handle_description(self: &Arc<Self>, description: &Arc<Description>) {
        let hello = self.hello.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(hello) = hello else { return };
        let traits = self.driven.lock().traits();
        if let Err(refusal) = self.hub.register(self, &hello, traits, description) {
            return self.refuse(&hello, refusal);
        }
        drop(std::mem::take(&mut *self.place()));
        if let Some(Member { plugin, .. }) = self.member() {
            tracing::info!(
                plugin = plugin.name(),
                version = plugin.version(),
                generation = plugin.generation(),
                "plugin connected"
            );
            self.hub.bus().publish(vec![Unread::new(Event::Connected(plugin.clone()))]);
            self.hub.note_change();
        }
    }

    /// Does not let a plugin in that says who it is.
    fn refuse(&self, hello: &Hello, refusal: Refusal) {
        let (plugin, code) = (&hello.name, refusal.code);
        tracing::info!(plugin, connection = self.id, ?code, "plugin refused");
        self.driven.lock().refuse(refusal);
    }

    /// Passes events on that came together.
    fn handle_messages(self: &Arc<Self>, payloads: &[Bytes]) {
        let Some(member) = self.member().filter(|_| !payloads.is_empty()) else { return };
        let origin = Arc::new(Origin {
            plugin: member.plugin.clone(),
            consumed: member.consumed.clone(),
            link: Arc::downgrade(self),
        });
        let events = copy_all(payloads).map(|payload| {
            Unread::new(Event::Message(Message { origin: origin.clone(), payload }))
        });
        self.hub.bus().publish(events.collect());
    }

    fn handle_end(self: &Arc<Self>, reason: DisconnectReason, tally: Tally) {
        if let Some(Member { plugin, .. }) = self.member() {
            plugin.set_ended(reason);
            self.has_ended.store(true, Ordering::Release);
            tracing::info!(
                plugin = plugin.name(),
                generation = plugin.generation(),
                reason = ?reason,
                finished = tally.finished,
                cut = tally.cut,
                "plugin disconnected"
            );
            let event = Event::Disconnected(plugin.clone(), reason);
            self.hub.bus().publish(vec![Unread::new(event)]);
            self.hub.tell_disconnect(plugin, reason);
        } else {
            tracing::debug!(
                connection = self.id,
                ?reason,
                "a connection ended that was not let in"
            );
        }
        // Now the name is free, and whoever gets it next is told of later than this.
        self.hub.unregister(self);
        self.end.send_replace(Some((reason, tally)));
        self.hub.note_change();
    }
}

/// A connection in the hands of its driver. A driver that is dropped early, as when the runtime
/// shuts down, ends the connection.
pub(crate) struct DrivenLink(pub(crate) Arc<PluginLink>);

impl Link for DrivenLink {
    fn driven(&self) -> &Driven {
        &self.0.driven
    }

    fn handle_events(&self, mut events: Drain<'_, Told<Arc<Slot>>>) {
        let mut payloads = Vec::new();
        while let Some(event) = events.next() {
            if let Told::Message(payload) = event {
                // Once, for all that follow.
                payloads.reserve(1 + events.len());
                payloads.push(payload);
                continue;
            }
            // Events keep their order.
            if !payloads.is_empty() {
                self.0.handle_messages(&std::mem::take(&mut payloads));
            }
            self.0.handle_event(event);
        }
        self.0.handle_messages(&payloads);
    }
}

impl Drop for DrivenLink {
    fn drop(&mut self) {
        self.0.driven.lock().close(DisconnectReason::ShutdownForced);
        self.finish();
    }
}
