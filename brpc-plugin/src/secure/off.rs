//! TLS of a plugin that is built without it.

use std::convert::Infallible;

use tokio::net::TcpStream;

use super::BoxedStream;
use crate::address::{HubAddress, Scheme};
use crate::error::ConnectError;

/// How a plugin encrypts what it says to its hubs: not at all.
#[derive(Clone, Default)]
pub(crate) struct Secure {}

/// Settings for TLS: there are none.
pub(crate) enum Tls {}

/// What is known of a TLS connection: there is none.
#[derive(Default)]
pub(crate) struct Report {}

impl Secure {
    /// The settings for this hub.
    #[expect(clippy::unused_self, reason = "as with TLS")]
    pub(crate) fn settings(&self, hub: &HubAddress) -> Result<Option<Tls>, ConnectError> {
        match hub.scheme() {
            Scheme::Tls => Err(ConnectError::NoTls { hub: hub.clone() }),
            Scheme::Unsaid | Scheme::Plain => Ok(None),
        }
    }

    #[expect(clippy::unused_self, reason = "as with TLS")]
    pub(crate) fn may_change(&self) -> bool {
        false
    }
}

impl Report {
    #[expect(clippy::unused_self, reason = "as with TLS")]
    pub(crate) fn error(&self) -> Option<Infallible> {
        None
    }
}

impl From<Infallible> for ConnectError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The stream above TLS.
pub(crate) async fn secure(
    tls: Tls,
    _host: &str,
    _stream: TcpStream,
    _report: &Report,
) -> Result<BoxedStream, Infallible> {
    match tls {}
}
