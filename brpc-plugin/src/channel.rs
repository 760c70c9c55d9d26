//! Over what a plugin talks to its hub, and who can read that.

use std::net::SocketAddr;

/// Over what a plugin talks to its hub. Here, and nowhere else, is decided who can read that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    /// The hub's address; `None` over a stream of the user's own.
    pub(crate) hub: Option<SocketAddr>,
    /// Whether nobody on the way can read it.
    is_private: bool,
}

impl Channel {
    /// A stream of the user's own, who knows who can read it.
    pub(crate) fn own() -> Self {
        Self { hub: None, is_private: true }
    }

    /// Encrypted, to a hub that has proven who it is.
    pub(crate) fn encrypted(hub: Option<SocketAddr>) -> Self {
        Self { hub, is_private: true }
    }

    /// TCP without encryption: private only if it doesn't leave this host.
    pub(crate) fn tcp(hub: Option<SocketAddr>) -> Self {
        let is_private = hub.is_some_and(|hub| hub.ip().to_canonical().is_loopback());
        Self { hub, is_private }
    }

    /// Whether nobody on the way can read it.
    pub(crate) fn is_private(self) -> bool {
        self.is_private
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_host_is_private_without_encryption() {
        let tcp = |address: &str| Channel::tcp(Some(address.parse().unwrap())).is_private();
        for private in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert!(tcp(private), "{private}");
        }
        for open in ["10.0.0.1:80", "0.0.0.0:80", "[::]:80", "[::ffff:10.0.0.1]:80", "[fe80::1]:80"]
        {
            assert!(!tcp(open), "{open}");
        }
        assert!(!Channel::tcp(None).is_private(), "it may be anywhere");
        assert!(Channel::own().is_private());
    }
}
