//! How many events a subscriber missed, and whose.

use crate::plugin_ref::PluginRef;

/// How many events a subscriber missed, and whose.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Missed {
    total: u64,
    /// Some of the plugins, and how many events of each.
    plugins: Vec<(PluginRef, u64)>,
}

/// The most plugins that are named: a queue may have as many of these as it has events.
const MOST_NAMED: usize = 16;

impl Missed {
    /// How many events, of all plugins.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The plugins whose events were missed, and how many of each. If there are more than 16, only
    /// the first 16 are named; [`total`](Self::total) counts the events of all.
    pub fn by_plugin(&self) -> impl ExactSizeIterator<Item = (&PluginRef, u64)> {
        self.plugins.iter().map(|(plugin, count)| (plugin, *count))
    }

    /// Counts an event, of this plugin if it is of one.
    pub(crate) fn add(&mut self, plugin: Option<&PluginRef>) {
        self.total += 1;
        if let Some(plugin) = plugin {
            self.name(plugin, 1);
        }
    }

    /// Counts what another has counted.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.total += other.total;
        other.plugins.iter().for_each(|(plugin, count)| self.name(plugin, *count));
    }

    fn name(&mut self, plugin: &PluginRef, more: u64) {
        if let Some((_, count)) = self.plugins.iter_mut().find(|(known, _)| known == plugin) {
            *count += more;
        } else if self.plugins.len() < MOST_NAMED {
            self.plugins.push((plugin.clone(), more));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many bytes the names take.
    pub(crate) fn size(&self) -> usize {
        self.plugins.len() * size_of::<(PluginRef, u64)>()
    }
}
