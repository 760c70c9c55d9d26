//! One connection of a hub, as its callers and the registry know it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use brpc_core::{DisconnectReason, Limits, PluginInfo, Selector};
use brpc_proto::{Connection, Description, DrainCause, Tally, Wires};
use brpc_rt::{Driven, now};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::events::Consumed;
use crate::plugin_ref::PluginRef;

/// One connection of a hub.
#[derive(Debug)]
pub(crate) struct PluginLink {
    /// The number of the connection; also its generation.
    pub(crate) id: u64,
    driven: Arc<Driven>,
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

impl PluginLink {
    pub(crate) fn new(id: u64, limits: Limits, wires: Wires) -> Self {
        Self {
            id,
            driven: Arc::new(Driven::new(Connection::accepted(limits, wires, now()))),
            member: OnceLock::new(),
            has_ended: AtomicBool::new(false),
            end: watch::Sender::new(None),
        }
    }

    /// The connection.
    pub(crate) fn driven(&self) -> &Arc<Driven> {
        &self.driven
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

    /// Lets the plugin in under a name. Called with the registry's lock, so that whoever finds it
    /// there can call it.
    pub(crate) fn welcome(&self, member: Member, epoch: [u8; 16]) {
        self.driven.lock().welcome(member.plugin.name(), self.id, epoch);
        let _ = self.member.set(member);
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

    /// Notes that the plugin is gone; it is not called any more.
    pub(crate) fn set_gone(&self, reason: DisconnectReason) {
        if let Some(member) = self.member() {
            member.plugin.set_ended(reason);
        }
        self.has_ended.store(true, Ordering::Release);
    }

    /// Notes how the connection ended, for those who wait for that.
    pub(crate) fn set_ended(&self, reason: DisconnectReason, tally: Tally) {
        self.end.send_replace(Some((reason, tally)));
    }

    /// How the connection ended; waits until it has.
    pub(crate) async fn ended(&self) -> (DisconnectReason, Tally) {
        let mut end = self.end.subscribe();
        let end = end.wait_for(Option::is_some).await;
        end.ok().and_then(|end| *end).unwrap_or((DisconnectReason::Reset, Tally::default()))
    }
}
