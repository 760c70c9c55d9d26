//! The connections, and the registered plugins by name.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use brpc_core::caller::Target;
use brpc_core::{Refusal, Selector};
use brpc_proto::Description;
use brpc_rt::now;
use tokio::time::Instant;

use super::link::PluginLink;
use super::presence::{Away, Presence, away};
use super::takeover::InstanceId;
use super::unplugged::Unplugged;
use crate::plugin_ref::PluginRef;

/// The connections of a hub. Keyed by connection, so one removes only itself.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// The number assigned last.
    last_id: u64,
    /// All connections, also those in their handshake.
    connections: HashMap<u64, Arc<PluginLink>>,
    /// The registered plugins, by name.
    plugins: HashMap<String, Arc<PluginLink>>,
    /// The last connection of each of them, by the plugin.
    instances: HashMap<InstanceId, u64>,
    /// The descriptions of registered plugins; replicas share one.
    descriptions: HashMap<[u8; 32], Weak<Description>>,
    /// Plugins that were connected, and whose names nobody has.
    away: Away,
    /// Plugins that are to stay away.
    unplugged: Unplugged,
}

/// A plugin that is to be unplugged.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is connected.
    Connected(Arc<PluginLink>),
    /// It was.
    Away(PluginRef),
}

impl Registry {
    /// A number for a new connection.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether there is a connection, or was one before.
    pub(crate) fn has_seen_any(&self) -> bool {
        self.last_id > 0
    }

    pub(crate) fn add(&mut self, link: Arc<PluginLink>) {
        self.connections.insert(link.id, link);
    }

    /// Registers a welcomed connection under a name, which no other one has from now on.
    pub(crate) fn enter(&mut self, name: &str, link: &Arc<PluginLink>, known: &Arc<Description>) {
        self.away.forget(name);
        self.plugins.insert(name.to_owned(), link.clone());
        if let Some(instance) = link.member().and_then(|member| member.instance) {
            self.instances.insert(instance, link.id);
        }
        // Drops descriptions without a plugin, so that they are never many more than plugins.
        if self.descriptions.len() > 2 * self.plugins.len() {
            self.descriptions.retain(|_, description| description.strong_count() > 0);
        }
        self.descriptions.insert(*known.digest(), Arc::downgrade(known));
    }

    /// Removes a connection that has ended, and frees its name, unless another one has it already.
    /// Its plugin has left by itself, or not.
    pub(crate) fn remove(&mut self, link: &PluginLink, has_left: bool) {
        self.connections.remove(&link.id);
        let Some(member) = link.member() else { return };
        if let Some(instance) = member.instance
            && self.instances.get(&instance) == Some(&link.id)
        {
            self.instances.remove(&instance);
        }
        if has_left && let Some(instance) = member.instance {
            self.unplugged.forget(instance);
        }
        let name = member.plugin.name();
        if self.plugins.get(name).is_some_and(|holder| holder.id == link.id) {
            self.plugins.remove(name);
            self.away.note(&member.plugin, member.instance, now());
        }
    }

    /// The plugin of a name. Doesn't find one whose end is being reported.
    pub(crate) fn plugin(&self, name: &str) -> Option<&Arc<PluginLink>> {
        self.plugins.get(name).filter(|link| !link.has_ended())
    }

    /// The connection of this plugin, unless it has ended or is about to.
    pub(crate) fn instance(&self, plugin: &PluginRef) -> Option<&Arc<PluginLink>> {
        let link = self.connections.get(&plugin.generation())?;
        let is_it = link.member().is_some_and(|member| member.plugin == *plugin);
        (is_it && !link.has_ended()).then_some(link)
    }

    /// The name that a plugin has, up to when the end of its last connection was reported.
    pub(crate) fn name_of(&self, instance: InstanceId) -> Option<String> {
        let link = self.connections.get(self.instances.get(&instance)?)?;
        Some(link.member()?.plugin.name().to_owned())
    }

    /// Finds a plugin that is to be unplugged. From now on until this time, or for good, it gets no
    /// name, unless it leaves by itself.
    pub(crate) fn unplug(
        &mut self,
        asked: &Target<PluginRef>,
        until: Option<Instant>,
    ) -> Option<Found> {
        let (name, link) = match asked {
            Target::Name(name) => (&**name, self.plugins.get(&**name)),
            Target::Instance(plugin) => (plugin.name(), self.connections.get(&plugin.generation())),
        };
        let (plugin, instance) = match link.and_then(|link| link.member()) {
            Some(member) => (&member.plugin, member.instance),
            None => self.away.find(name)?,
        };
        if matches!(asked, Target::Instance(asked) if asked != plugin) {
            return None;
        }
        // The same plugin may be connected again already.
        let is_replaced =
            link.is_some_and(|link| self.holder(name).is_none_or(|it| it.id != link.id));
        let found = match link {
            Some(link) if !link.has_ended() => Found::Connected(link.clone()),
            _ if is_replaced => return None,
            _ => Found::Away(plugin.clone()),
        };
        if !is_replaced && let Some(instance) = instance {
            self.unplugged.note(instance, until);
        }
        Some(found)
    }

    /// With what a plugin is refused that was unplugged.
    pub(crate) fn refusal(&self, instance: InstanceId) -> Option<Refusal> {
        self.unplugged.refusal(instance, Instant::now())
    }

    /// The connection that has a name, up to when its end was reported.
    pub(crate) fn holder(&self, name: &str) -> Option<&Arc<PluginLink>> {
        self.plugins.get(name)
    }

    /// The description of that digest, if a registered plugin has it.
    pub(crate) fn description(&self, digest: &[u8; 32]) -> Option<Arc<Description>> {
        self.descriptions.get(digest)?.upgrade()
    }

    /// How many names are taken.
    pub(crate) fn names(&self) -> usize {
        self.plugins.len()
    }

    /// The registered plugins.
    pub(crate) fn plugins(&self) -> impl Iterator<Item = &Arc<PluginLink>> {
        self.plugins.values().filter(|link| !link.has_ended())
    }

    /// The registered plugins that a selector matches.
    pub(crate) fn matching(&self, selector: &Selector) -> impl Iterator<Item = &Arc<PluginLink>> {
        self.plugins()
            .filter(|link| link.member().is_some_and(|member| member.is_meant_by(selector)))
    }

    /// Who is connected, or was lately.
    pub(crate) fn presence(&self) -> impl Iterator<Item = Presence> {
        let members = self.plugins.values().filter_map(|link| link.member());
        // One whose end is being reported is away already.
        let there = members.map(|member| &member.plugin).map(|plugin| {
            away(plugin, now()).unwrap_or_else(|| Presence::Connected(plugin.clone()))
        });
        there.chain(self.away.iter())
    }

    /// All connections, also those in their handshake.
    pub(crate) fn connections(&self) -> impl ExactSizeIterator<Item = &Arc<PluginLink>> {
        self.connections.values()
    }
}

/// The registered plugins of these connections.
pub(crate) fn members<'a>(links: impl Iterator<Item = &'a Arc<PluginLink>>) -> Vec<PluginRef> {
    links.filter_map(|link| link.member()).map(|member| member.plugin.clone()).collect()
}
