//! How many connections from one address are in their handshake.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::listener::Source;

/// Counts the connections in their handshake by their address; those from this host are not counted.
#[derive(Debug)]
pub(crate) struct Sources {
    limit: usize,
    /// Addresses with at least one connection.
    counts: HashMap<IpAddr, usize>,
}

impl Sources {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, counts: HashMap::new() }
    }

    /// Whether no more connections from this source are allowed.
    pub(crate) fn is_full(&self, source: Source) -> bool {
        let count = counted(source).and_then(|address| self.counts.get(&address));
        counted(source).is_some() && count.copied().unwrap_or(0) >= self.limit
    }

    pub(crate) fn add(&mut self, source: Source) {
        if let Some(address) = counted(source) {
            *self.counts.entry(address).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, source: Source) {
        let Some(address) = counted(source) else { return };
        if let Some(count) = self.counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&address);
            }
        }
    }
}

/// The address under which a source is counted.
fn counted(source: Source) -> Option<IpAddr> {
    source.host().filter(|_| !source.is_this_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_address() {
        let mut sources = Sources::new(2);
        let from = |last| Source::Address(([192, 0, 2, last], 1).into());
        sources.add(from(1));
        assert!(!sources.is_full(from(1)));
        sources.add(from(1));
        assert!(sources.is_full(from(1)) && !sources.is_full(from(2)));
        sources.remove(from(1));
        assert!(!sources.is_full(from(1)));
        sources.remove(from(1));
        assert!(sources.counts.is_empty());
    }

    #[test]
    fn this_host_is_not_counted() {
        let mut sources = Sources::new(0);
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let source = Source::Address((loopback.parse::<IpAddr>().unwrap(), 1).into());
            sources.add(source);
            assert!(!sources.is_full(source));
        }
        assert!(!sources.is_full(Source::Local));
    }
}
