//! How many connections from one network are in their handshake.

use std::collections::HashMap;

use super::network::Network;

/// Counts the connections in their handshake by their network.
#[derive(Debug)]
pub(crate) struct Sources {
    limit: usize,
    /// Networks with at least one connection.
    counts: HashMap<Network, usize>,
}

impl Sources {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, counts: HashMap::new() }
    }

    /// Whether no more connections from this network are allowed.
    pub(crate) fn is_full(&self, network: Network) -> bool {
        self.counts.get(&network).copied().unwrap_or(0) >= self.limit
    }

    pub(crate) fn add(&mut self, network: Network) {
        *self.counts.entry(network).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, network: Network) {
        if let Some(count) = self.counts.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_network() {
        let mut sources = Sources::new(2);
        let from = |last| Network::V4([192, 0, 2, last]);
        sources.add(from(1));
        assert!(!sources.is_full(from(1)));
        sources.add(from(1));
        assert!(sources.is_full(from(1)) && !sources.is_full(from(2)));
        sources.remove(from(1));
        assert!(!sources.is_full(from(1)));
        sources.remove(from(1));
        assert!(sources.counts.is_empty());
    }
}
