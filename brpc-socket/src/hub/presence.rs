//! Who is connected, and who was lately.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use brpc_core::DisconnectReason;

use super::takeover::InstanceId;
use crate::plugin_ref::PluginRef;

/// Whether a plugin is connected, or was lately; from [`Socket::presence`](crate::Socket::presence).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Presence {
    /// It is connected.
    Connected(PluginRef),
    /// It was connected, and nobody has its name now.
    Away {
        /// The plugin, on its last connection.
        plugin: PluginRef,
        /// Why that connection ended.
        reason: DisconnectReason,
        /// When that was, by the clock of the hub's runtime.
        since: Instant,
    },
}

impl Presence {
    /// The plugin, on its connection or on its last one.
    pub fn plugin(&self) -> &PluginRef {
        match self {
            Self::Connected(plugin) | Self::Away { plugin, .. } => plugin,
        }
    }

    /// Whether it is connected.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected(_))
    }
}

/// The plugins that went last and have not come back, in the order in which they went.
#[derive(Debug, Default)]
pub(crate) struct Away {
    /// By when they went.
    plugins: BTreeMap<u64, Gone>,
    /// The keys of these, by the plugin's name.
    keys: HashMap<String, u64>,
    /// The key given last.
    last: u64,
}

#[derive(Debug)]
struct Gone {
    plugin: PluginRef,
    instance: Option<InstanceId>,
    since: Instant,
}

impl Away {
    /// Notes that a plugin went. The one that went first is forgotten, if they are too many.
    pub(crate) fn note(
        &mut self,
        plugin: &PluginRef,
        instance: Option<InstanceId>,
        since: Instant,
    ) {
        self.forget(plugin.name());
        self.last += 1;
        self.keys.insert(plugin.name().to_owned(), self.last);
        self.plugins.insert(self.last, Gone { plugin: plugin.clone(), instance, since });
        if self.plugins.len() > MOST
            && let Some((_, gone)) = self.plugins.pop_first()
        {
            self.keys.remove(gone.plugin.name());
        }
    }

    /// Forgets the plugin of a name: it is back, or another one has the name.
    pub(crate) fn forget(&mut self, name: &str) {
        if let Some(key) = self.keys.remove(name) {
            self.plugins.remove(&key);
        }
    }

    /// The plugin of a name.
    pub(crate) fn find(&self, name: &str) -> Option<(&PluginRef, Option<InstanceId>)> {
        let gone = self.plugins.get(self.keys.get(name)?)?;
        Some((&gone.plugin, gone.instance))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Presence> {
        self.plugins.values().filter_map(|Gone { plugin, since, .. }| away(plugin, *since))
    }
}

/// A plugin whose connection has ended.
pub(crate) fn away(plugin: &PluginRef, since: Instant) -> Option<Presence> {
    Some(Presence::Away { plugin: plugin.clone(), reason: plugin.end()?, since })
}

/// The most plugins that are kept. With the longest labels they have about 3 MiB.
const MOST: usize = 1_024;

#[cfg(test)]
mod tests {
    use brpc_core::Function;
    use brpc_proto::{Description, Hello};

    use super::*;

    fn gone(name: &str, generation: u64) -> PluginRef {
        let description = Description::new(&[Function::new("f")]).unwrap();
        let hello = Hello::new(name, description.into());
        let plugin = PluginRef::new(
            name.to_owned(),
            &hello,
            (generation, None),
            None,
            std::sync::Weak::new(),
        );
        plugin.set_ended(DisconnectReason::Unclean);
        plugin
    }

    #[test]
    fn the_last_so_many_are_kept_once_each() {
        let mut away = Away::default();
        let since = Instant::now();
        for index in 0..2 * MOST as u64 {
            away.note(&gone(&format!("n{}", index % 1_500), index), None, since);
        }
        assert_eq!((away.plugins.len(), away.keys.len()), (MOST, MOST));
        let generations: Vec<_> = away.iter().map(|it| it.plugin().generation()).collect();
        assert_eq!(generations, (MOST as u64..2 * MOST as u64).collect::<Vec<_>>());
        away.forget("n1200");
        away.forget("n1499");
        away.forget("never there");
        assert_eq!((away.plugins.len(), away.keys.len()), (MOST - 2, MOST - 2));
    }
}
