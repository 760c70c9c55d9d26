//! TLS of a plugin that is built with it.

use std::sync::{Arc, OnceLock};

pub(crate) use brpc_tls::Report;
use brpc_tls::{ClientTls, TlsError};
use tokio::net::TcpStream;

use super::BoxedStream;
use crate::address::{HubAddress, Scheme};
use crate::error::ConnectError;

/// How a plugin encrypts what it says to its hubs.
#[derive(Clone, Default)]
pub(crate) struct Secure {
    given: Option<ClientTls>,
    /// For hubs that are to be dialled with TLS where nothing was given; read once.
    system: Arc<OnceLock<ClientTls>>,
}

impl Secure {
    pub(crate) fn new(tls: ClientTls) -> Self {
        Self { given: Some(tls), system: Arc::default() }
    }

    /// The settings for this hub; `None` for no TLS.
    pub(crate) fn settings(&self, hub: &HubAddress) -> Result<Option<ClientTls>, ConnectError> {
        match (hub.scheme(), &self.given) {
            (Scheme::Tls | Scheme::Unsaid, Some(given)) => Ok(Some(given.clone())),
            (Scheme::Tls, None) => self.of_system().map(Some),
            (Scheme::Unsaid | Scheme::Plain, _) => Ok(None),
        }
    }

    /// Whether another attempt may show another certificate.
    pub(crate) fn may_change(&self) -> bool {
        self.given.as_ref().is_some_and(ClientTls::shows_files)
    }

    fn of_system(&self) -> Result<ClientTls, ConnectError> {
        if let Some(system) = self.system.get() {
            return Ok(system.clone());
        }
        let read = ClientTls::system_roots().map_err(|error| ConnectError::Tls(error.into()))?;
        Ok(self.system.get_or_init(|| read).clone())
    }
}

/// Shakes hands with the hub at this host.
pub(crate) async fn secure(
    tls: ClientTls,
    host: &str,
    stream: TcpStream,
    report: &Report,
) -> Result<BoxedStream, TlsError> {
    // Its future is large, and part of that of each attempt.
    Ok(Box::new(Box::pin(tls.connect(host, stream, report)).await?))
}

impl From<TlsError> for ConnectError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}
