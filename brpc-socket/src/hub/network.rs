//! Where connections are from, as far as they are counted together.

use std::net::IpAddr;

use crate::listener::Source;

/// Where a connection is from, as far as it is counted with others: an IPv4 address; an IPv6 network
/// of 64 bits, since whoever has one address of it mostly has all; or this host.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Network {
    V4([u8; 4]),
    V6([u8; 8]),
    ThisHost,
}

/// Which sources are counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Counted {
    /// All but this host.
    #[default]
    Others,
    /// All, this host as one.
    All,
}

impl Counted {
    /// That of a source, if it is counted.
    pub(crate) fn network(self, source: Source) -> Option<Network> {
        match source.host() {
            _ if source.is_this_host() => (self == Self::All).then_some(Network::ThisHost),
            Some(IpAddr::V4(address)) => Some(Network::V4(address.octets())),
            Some(IpAddr::V6(address)) => address.octets().first_chunk().copied().map(Network::V6),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Source {
        Source::Address((address.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn an_ipv6_network_is_one() {
        let network = |address| Counted::Others.network(from(address)).unwrap();
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::2"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"), "in another form");
    }

    #[test]
    fn this_host_is_counted_on_demand_and_as_one() {
        let here = ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"].map(from);
        for source in here.into_iter().chain([Source::Local]) {
            assert_eq!(Counted::Others.network(source), None);
            assert_eq!(Counted::All.network(source), Some(Network::ThisHost));
        }
    }
}
