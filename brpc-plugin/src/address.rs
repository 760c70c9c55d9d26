//! Where a hub is: what users write for it, and the socket addresses that it means.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use thiserror::Error;
use tokio::net::lookup_host;

/// The address of a hub, for [`Plugin::connect`](crate::Plugin::connect).
///
/// It is made of a text, of a host and a port, or of socket addresses, of which the plugin uses the
/// first that answers. The host is a name or an IP address. Whether it is an address is checked when the
/// plugin connects.
///
/// | text | how the plugin connects |
/// |---|---|
/// | `host:port`, as `127.0.0.1:8080`, `[::1]:8080` or `hub.example:8080` | over TCP; with TLS if the plugin has settings for that (`Plugin::tls`), as all that isn't a text |
/// | `brpcs://host:port` | with TLS in any case: by the system's CAs if the plugin has no settings |
/// | `brpc://host:port` | without TLS in any case |
/// | `unix:/path` | over a Unix socket |
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HubAddress(Given);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Given {
    Text(String),
    Host(String, u16),
    Sockets(Vec<SocketAddr>),
}

/// What an address says of encryption.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scheme {
    /// Nothing: the plugin's settings decide.
    Unsaid,
    Plain,
    Tls,
}

/// What an address means.
#[derive(Debug, Eq, PartialEq)]
enum Meaning<'a> {
    Path(&'a str),
    Host(&'a str, u16),
    Sockets(Vec<SocketAddr>),
}

/// Why there are no socket addresses to dial.
pub(crate) enum Unresolved {
    /// There never will be.
    NoAddress(AddressError),
    /// There are none now.
    NotFound(io::Error),
}

/// One hub or several; for [`Plugin::run`](crate::Plugin::run).
///
/// It is made of whatever a [`HubAddress`] is made of, for one hub; of an array or a slice of these,
/// or of a `Vec` of texts or addresses, for several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hubs(pub(crate) Vec<HubAddress>);

/// The address that was given for a hub isn't one.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{given:?}; {expected}")]
#[non_exhaustive]
pub struct AddressError {
    /// What was given.
    pub given: String,
    /// What was expected instead.
    pub expected: &'static str,
}

const EXPECTED: &str = "expected host:port, as in 127.0.0.1:8080, [::1]:8080 or \
                        hub.example:8080, with a port from 1 to 65535, without a path or a space, and \
                        with brpc:// or brpcs:// before it or nothing; or unix:/path";

impl HubAddress {
    /// The socket addresses, in the order in which they are tried. A name is looked up each time.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, Unresolved> {
        let (host, port) = match self.meaning().map_err(Unresolved::NoAddress)? {
            Meaning::Path(_) => return Ok(Vec::new()),
            Meaning::Sockets(addresses) => return Ok(addresses),
            Meaning::Host(host, port) => (host, port),
        };
        match lookup_host((host, port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            // `256.0.0.1` will never be found. It isn't refused earlier, because some systems read
            // `127.1` as an address.
            Err(_) if is_numeric(host) => Err(Unresolved::NoAddress(self.error())),
            // The name may be found later, for instance if the plugin starts before the network.
            Err(error) => Err(Unresolved::NotFound(error)),
        }
    }

    /// What it says of encryption.
    pub(crate) fn scheme(&self) -> Scheme {
        match &self.0 {
            Given::Text(text) => parted(text).0,
            Given::Host(..) | Given::Sockets(_) => Scheme::Unsaid,
        }
    }

    /// The host, if it is one that was written, and no list of socket addresses.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.0 {
            Given::Text(text) => unbracketed(parted(text).1.rsplit_once(':')?.0),
            Given::Host(host, _) => Some(host),
            Given::Sockets(_) => None,
        }
    }

    /// The path, if it is a Unix socket.
    pub(crate) fn path(&self) -> Option<&str> {
        match self.meaning() {
            Ok(Meaning::Path(path)) => Some(path),
            _ => None,
        }
    }

    /// Parses what was given. Nowhere else is an address parsed.
    fn meaning(&self) -> Result<Meaning<'_>, AddressError> {
        let (host, port) = match &self.0 {
            Given::Sockets(addresses) => {
                let is_possible =
                    !addresses.is_empty() && addresses.iter().all(|address| address.port() != 0);
                return is_possible
                    .then(|| Meaning::Sockets(addresses.clone()))
                    .ok_or_else(|| self.error());
            }
            Given::Host(host, port) => (&**host, Some(*port)),
            Given::Text(text) => {
                if let Some(path) = text.strip_prefix("unix:") {
                    let is_path = path.starts_with('/') && !path.contains('\0');
                    return is_path.then_some(Meaning::Path(path)).ok_or_else(|| self.error());
                }
                let (_, text) = parted(text);
                let (host, port) = text.rsplit_once(':').ok_or_else(|| self.error())?;
                (unbracketed(host).ok_or_else(|| self.error())?, number(port))
            }
        };
        match (host.parse::<IpAddr>(), port) {
            (_, None | Some(0)) => Err(self.error()),
            (Ok(ip), Some(port)) => Ok(Meaning::Sockets(vec![SocketAddr::new(ip, port)])),
            (Err(_), Some(port)) if is_name(host) || has_zone(host) => {
                Ok(Meaning::Host(host, port))
            }
            _ => Err(self.error()),
        }
    }

    /// No address at all.
    pub(crate) fn nowhere() -> Self {
        Self(Given::Sockets(Vec::new()))
    }

    /// Whether it is an address; whether its name can be found is another question.
    pub(crate) fn check(&self) -> Result<(), AddressError> {
        self.meaning().map(|_| ())
    }

    pub(crate) fn error(&self) -> AddressError {
        AddressError { given: self.to_string(), expected: EXPECTED }
    }
}

/// What a text says of encryption, and the rest of it.
fn parted(text: &str) -> (Scheme, &str) {
    if let Some(rest) = text.strip_prefix("brpcs://") {
        return (Scheme::Tls, rest);
    }
    match text.strip_prefix("brpc://") {
        Some(rest) => (Scheme::Plain, rest),
        None => (Scheme::Unsaid, text),
    }
}

/// A host as it is written before a port: an IPv6 address in brackets, and nothing else with colons.
fn unbracketed(host: &str) -> Option<&str> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|inner| inner.contains(':')),
        None => (!host.contains(':')).then_some(host),
    }
}

/// A port in digits; `parse` accepts a sign, too.
fn number(port: &str) -> Option<u16> {
    port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())?
}

/// Whether it may be the name of a host: letters of any script, digits, `-`, `_` and dots.
fn is_name(host: &str) -> bool {
    /// The longest name in the DNS.
    const LONGEST: usize = 253;
    let is_of_name =
        |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
    (1..=LONGEST).contains(&host.len()) && host.chars().all(is_of_name)
}

/// Whether it is an IPv6 address with a zone, as `fe80::1%eth0`.
fn has_zone(host: &str) -> bool {
    host.split_once('%').is_some_and(|(ip, zone)| ip.parse::<Ipv6Addr>().is_ok() && is_name(zone))
}

/// Whether a host looks like an IPv4 address: no name in the DNS ends in a number.
fn is_numeric(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Given::Text(text) => f.write_str(text),
            Given::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Given::Host(host, port) => write!(f, "{host}:{port}"),
            Given::Sockets(addresses) => f.write_str(&listed(addresses)),
        }
    }
}

/// Addresses, with commas between them.
pub(crate) fn listed(addresses: &[SocketAddr]) -> String {
    let listed: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    listed.join(", ")
}

impl From<&str> for HubAddress {
    fn from(text: &str) -> Self {
        Self(Given::Text(text.to_owned()))
    }
}

impl From<String> for HubAddress {
    fn from(text: String) -> Self {
        Self(Given::Text(text))
    }
}

impl From<&String> for HubAddress {
    fn from(text: &String) -> Self {
        Self::from(&**text)
    }
}

impl From<(&str, u16)> for HubAddress {
    fn from((host, port): (&str, u16)) -> Self {
        Self::from((host.to_owned(), port))
    }
}

impl From<(String, u16)> for HubAddress {
    fn from((host, port): (String, u16)) -> Self {
        Self(Given::Host(host, port))
    }
}

impl From<&[SocketAddr]> for HubAddress {
    fn from(addresses: &[SocketAddr]) -> Self {
        Self::from(addresses.to_vec())
    }
}

impl From<Vec<SocketAddr>> for HubAddress {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self(Given::Sockets(addresses))
    }
}

/// One socket address, of all types that `std` has for it.
macro_rules! one_socket {
    ($($one:ty),*) => { $(
        impl From<$one> for HubAddress {
            fn from(address: $one) -> Self {
                Self(Given::Sockets(vec![address.into()]))
            }
        }
    )* };
}

one_socket!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl From<&SocketAddr> for HubAddress {
    fn from(address: &SocketAddr) -> Self {
        Self::from(*address)
    }
}

impl From<&Self> for HubAddress {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

impl<T: Into<HubAddress>> From<T> for Hubs {
    fn from(hub: T) -> Self {
        Self(vec![hub.into()])
    }
}

impl<T: Into<HubAddress>, const N: usize> From<[T; N]> for Hubs {
    fn from(hubs: [T; N]) -> Self {
        Self(hubs.into_iter().map(Into::into).collect())
    }
}

/// Lists of hubs. One of socket addresses is one hub.
macro_rules! several {
    ($($one:ty),*) => { $(
        impl From<Vec<$one>> for Hubs {
            fn from(hubs: Vec<$one>) -> Self {
                Self(hubs.into_iter().map(Into::into).collect())
            }
        }

        impl From<&[$one]> for Hubs {
            fn from(hubs: &[$one]) -> Self {
                Self(hubs.iter().map(Into::into).collect())
            }
        }
    )* };
}

several!(HubAddress, String);

impl From<Vec<&str>> for Hubs {
    fn from(hubs: Vec<&str>) -> Self {
        Self(hubs.into_iter().map(Into::into).collect())
    }
}

impl From<&[&str]> for Hubs {
    fn from(hubs: &[&str]) -> Self {
        Self(hubs.iter().map(|&hub| hub.into()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_means() {
        let sockets = |texts: &[&str]| {
            Meaning::Sockets(texts.iter().map(|text| text.parse().unwrap()).collect())
        };
        for (given, expected) in [
            (HubAddress::from("127.0.0.1:8080"), sockets(&["127.0.0.1:8080"])),
            (HubAddress::from("[::1]:80"), sockets(&["[::1]:80"])),
            (HubAddress::from("[fe80::1%eth0]:80"), Meaning::Host("fe80::1%eth0", 80)),
            (HubAddress::from("hub.example:80"), Meaning::Host("hub.example", 80)),
            (HubAddress::from("my_hub-1:65535"), Meaning::Host("my_hub-1", 65_535)),
            (HubAddress::from("bücher.example.:80"), Meaning::Host("bücher.example.", 80)),
            (HubAddress::from("brpc://127.0.0.1:8080"), sockets(&["127.0.0.1:8080"])),
            (HubAddress::from("brpcs://hub.example:80"), Meaning::Host("hub.example", 80)),
            (HubAddress::from("brpcs://[::1]:80"), sockets(&["[::1]:80"])),
            (HubAddress::from("unix:/tmp/a.sock"), Meaning::Path("/tmp/a.sock")),
            (HubAddress::from("127.1:80"), Meaning::Host("127.1", 80)),
            (HubAddress::from(("localhost", 80)), Meaning::Host("localhost", 80)),
            (HubAddress::from(("::1", 80)), sockets(&["[::1]:80"])),
            (HubAddress::from((Ipv4Addr::LOCALHOST, 80)), sockets(&["127.0.0.1:80"])),
            (
                HubAddress::from(vec!["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()]),
                sockets(&["127.0.0.1:1", "[::1]:2"]),
            ),
        ] {
            assert_eq!(given.meaning(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn what_an_address_says_of_encryption_and_which_name_it_expects() {
        for (given, scheme, host) in [
            ("brpcs://hub.example:80", Scheme::Tls, "hub.example"),
            ("brpcs://[::1]:80", Scheme::Tls, "::1"),
            ("brpc://127.0.0.1:80", Scheme::Plain, "127.0.0.1"),
            ("hub.example:80", Scheme::Unsaid, "hub.example"),
        ] {
            let address = HubAddress::from(given);
            assert_eq!((address.scheme(), address.host()), (scheme, Some(host)), "{given}");
        }
        let address = HubAddress::from(SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!((address.scheme(), address.host()), (Scheme::Unsaid, None));
    }

    #[test]
    fn what_can_never_be_an_address_is_none() {
        let texts = [
            "",
            ":",
            ":80",
            "127.0.0.1",
            "hub:",
            "hub:port",
            "hub:-1",
            "hub:+1",
            "hub:0",
            "hub:65536",
            "hub:80/",
            " 127.0.0.1:80",
            "127.0.0.1:80 ",
            "127.0.0.1 :80",
            "a b:80",
            "127.0.0.1,80",
            "http://127.0.0.1:7000",
            "ws://hub:80",
            "tcp://[::1]:80",
            "user@hub:80",
            "unix:",
            "unix:a.sock",
            "unix://tmp\0/a.sock",
            "brpc://hub",
            "brpcs://hub:80/",
            "brpc://brpcs://hub:80",
            "BRPCS://hub:80",
            "/tmp/a.sock",
            "::1:80",
            "[::1]",
            "[hub]:80",
            "[127.0.0.1]:80",
        ];
        let long = format!("{}:80", "x".repeat(254));
        let given = texts.iter().copied().chain([&*long]).map(HubAddress::from).chain([
            HubAddress::from(("http://hub", 80)),
            HubAddress::from(("hub:80", 80)),
            HubAddress::from(("hub", 0)),
            HubAddress::from(SocketAddr::from(([127, 0, 0, 1], 0))),
            HubAddress::from(&[][..]),
        ]);
        for given in given {
            let error = AddressError { given: given.to_string(), expected: EXPECTED };
            assert_eq!(given.meaning(), Err(error), "{given}");
        }
    }
}
