//! Which connections there are, and which plugins are let in under which names.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use brpc_core::Selector;
use brpc_proto::Description;

use super::link::PluginLink;
use crate::plugin_ref::PluginRef;

/// Which connections there are. Keyed by connection: one removes itself and no other.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// The number given last.
    last_id: u64,
    /// All connections, let in or not.
    connections: HashMap<u64, Arc<PluginLink>>,
    /// Those that are let in, by name.
    plugins: HashMap<String, Arc<PluginLink>>,
    /// The descriptions of those that are let in, so that replicas share one.
    descriptions: HashMap<[u8; 32], Weak<Description>>,
}

impl Registry {
    /// A number for a new connection.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether there was a connection, now or before.
    pub(crate) fn has_seen_any(&self) -> bool {
        self.last_id > 0
    }

    pub(crate) fn add(&mut self, link: Arc<PluginLink>) {
        self.connections.insert(link.id, link);
    }

    /// Gives a free name to a connection; false if the connection has ended meanwhile.
    pub(crate) fn enter(
        &mut self,
        name: &str,
        link: &Arc<PluginLink>,
        known: &Arc<Description>,
    ) -> bool {
        // Nobody would take the name back.
        if !self.connections.contains_key(&link.id) {
            return false;
        }
        self.plugins.insert(name.to_owned(), link.clone());
        // Of those that are gone there are never many more than plugins.
        if self.descriptions.len() > 2 * self.plugins.len() {
            self.descriptions.retain(|_, description| description.strong_count() > 0);
        }
        self.descriptions.insert(*known.digest(), Arc::downgrade(known));
        true
    }

    /// Takes a connection out, and the name that it has.
    pub(crate) fn remove(&mut self, link: &PluginLink) {
        self.connections.remove(&link.id);
        let Some(member) = link.member() else { return };
        let name = member.plugin.name();
        if self.plugins.get(name).is_some_and(|holder| holder.id == link.id) {
            self.plugins.remove(name);
        }
    }

    /// The plugin of a name. One whose end is being told is not found any more.
    pub(crate) fn plugin(&self, name: &str) -> Option<&Arc<PluginLink>> {
        self.plugins.get(name).filter(|link| !link.has_ended())
    }

    /// The connection of this plugin, unless it has ended or is about to.
    pub(crate) fn instance(&self, plugin: &PluginRef) -> Option<&Arc<PluginLink>> {
        let link = self.connections.get(&plugin.generation())?;
        let is_it = link.member().is_some_and(|member| member.plugin == *plugin);
        (is_it && !link.has_ended()).then_some(link)
    }

    /// Whether a name can't be given. It is free when the end of its plugin has been told, so that
    /// nobody hears of the next one before.
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        self.plugins.contains_key(name)
    }

    /// The description of that digest, if a plugin that is let in has it.
    pub(crate) fn description(&self, digest: &[u8; 32]) -> Option<Arc<Description>> {
        self.descriptions.get(digest)?.upgrade()
    }

    /// How many names are taken.
    pub(crate) fn names(&self) -> usize {
        self.plugins.len()
    }

    /// The plugins that are let in.
    pub(crate) fn plugins(&self) -> impl Iterator<Item = &Arc<PluginLink>> {
        self.plugins.values().filter(|link| !link.has_ended())
    }

    /// Those of them that a selector means.
    pub(crate) fn matching(&self, selector: &Selector) -> impl Iterator<Item = &Arc<PluginLink>> {
        self.plugins()
            .filter(|link| link.member().is_some_and(|member| member.is_meant_by(selector)))
    }

    /// All connections, let in or not.
    pub(crate) fn connections(&self) -> impl ExactSizeIterator<Item = &Arc<PluginLink>> {
        self.connections.values()
    }
}

/// The plugins of connections that are let in.
pub(crate) fn members<'a>(links: impl Iterator<Item = &'a Arc<PluginLink>>) -> Vec<PluginRef> {
    links.filter_map(|link| link.member()).map(|member| member.plugin.clone()).collect()
}
