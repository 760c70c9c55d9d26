//! How many connections from one address are in their handshake.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::listener::Source;

/// Counts the connections in their handshake by their address.
#[derive(Debug)]
pub(crate) struct Sources {
    limit: usize,
    /// Addresses with at least one connection.
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// The limit of connections in their handshake from one address is reached.
#[derive(Debug)]
pub(crate) struct TooMany;

/// The place of one connection from an address.
#[derive(Debug)]
pub(crate) struct SourcePermit {
    sources: Arc<Sources>,
    address: IpAddr,
}

impl Sources {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, counts: Mutex::default() })
    }

    /// Takes a place for a connection, unless it is from this host; an error if none is left.
    pub(crate) fn admit(self: &Arc<Self>, source: Source) -> Result<Option<SourcePermit>, TooMany> {
        let Source::Ip(address) = source else { return Ok(None) };
        if source.is_this_host() {
            return Ok(None);
        }
        let address = address.to_canonical();
        let mut counts = self.counts.lock();
        let count = counts.entry(address).or_default();
        if *count >= self.limit {
            return Err(TooMany);
        }
        *count += 1;
        Ok(Some(SourcePermit { sources: self.clone(), address }))
    }
}

impl Drop for SourcePermit {
    fn drop(&mut self) {
        let mut counts = self.sources.counts.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_address() {
        let sources = Sources::new(2);
        let from = |last| Source::Ip(IpAddr::from([192, 0, 2, last]));
        let first = sources.admit(from(1)).unwrap();
        let _second = sources.admit(from(1)).unwrap();
        assert!(sources.admit(from(1)).is_err());
        assert!(sources.admit(from(2)).is_ok());
        drop(first);
        assert!(sources.admit(from(1)).is_ok());
    }

    #[test]
    fn this_host_is_not_counted() {
        let sources = Sources::new(0);
        assert!(sources.admit(Source::Local).is_ok());
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(sources.admit(Source::Ip(loopback.parse().unwrap())).is_ok());
        }
    }
}
