//! What the owner of a TLS connection gets to know.

use std::sync::{Arc, OnceLock};

use crate::certificate::ClientCertificate;
use crate::error::TlsError;

/// What became of a TLS connection, for an owner who has handed its stream on. A cheap clone.
#[derive(Clone, Debug, Default)]
pub struct Report(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// Set when the handshake has succeeded, with the plugin's certificate, if it has shown one.
    secured: OnceLock<Option<Arc<ClientCertificate>>>,
    error: OnceLock<TlsError>,
}

impl Report {
    /// Of a connection whose handshake has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the handshake has succeeded. With TLS 1.3 a plugin's has when the hub's may still fail.
    pub fn is_secured(&self) -> bool {
        self.0.secured.get().is_some()
    }

    /// At the hub: the plugin's certificate; `None` if the handshake has not succeeded, or if the plugin
    /// has shown none.
    pub fn certificate(&self) -> Option<Arc<ClientCertificate>> {
        self.0.secured.get()?.clone()
    }

    /// Why it failed, in the handshake or later; the first error, if there was one.
    pub fn error(&self) -> Option<TlsError> {
        self.0.error.get().cloned()
    }

    /// At the hub: why it refused the plugin's certificate, or that the plugin has shown none; `None` if
    /// it failed because of something else.
    pub fn refused_certificate(&self) -> Option<TlsError> {
        self.error().filter(TlsError::is_refused_certificate)
    }

    pub(crate) fn secured(&self, certificate: Option<ClientCertificate>) {
        // It is once.
        let _ = self.0.secured.set(certificate.map(Arc::new));
    }

    pub(crate) fn failed(&self, error: TlsError) {
        // The first one counts.
        let _ = self.0.error.set(error);
    }
}
