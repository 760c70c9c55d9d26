//! Whose certificates are trusted.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::error::TlsSettingsError;
use crate::pem;
use crate::provider::provider;
use crate::source::Source;
use crate::watched::Watched;

/// The CAs whose certificates are accepted, and which of these are revoked.
///
/// Files are read again when they change: a new CA and a new revocation hold for the handshakes that
/// begin a second later at the latest. If a changed file is no good, what was read before stays in
/// use, and the log says so at the level error.
#[derive(Clone)]
pub struct Roots {
    authorities: Source,
    revocations: Vec<Source>,
    loaded: Arc<Watched<Loaded>>,
}

/// What was read.
pub(crate) struct Loaded {
    authorities: Arc<RootCertStore>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Roots {
    /// The CAs in a PEM file.
    ///
    /// # Errors
    /// If the file can't be read, or holds no certificate, or one that is none.
    pub fn file(path: impl Into<PathBuf>) -> Result<Self, TlsSettingsError> {
        Self::new(Source::file(path), Vec::new())
    }

    /// The CAs in this PEM.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn pem(authorities: &[u8]) -> Result<Self, TlsSettingsError> {
        Self::new(Source::bytes(authorities), Vec::new())
    }

    /// Refuses what the lists in this file revoke (CRLs, as PEM or DER). It can be given several times.
    ///
    /// With any list, each CA on the way from a certificate to its root needs one: a certificate of
    /// which no list says whether it is revoked is refused. A list that is older than it says it should
    /// be still counts.
    ///
    /// # Errors
    /// If the file can't be read, or holds something that is no such list.
    pub fn crl_file(self, path: impl Into<PathBuf>) -> Result<Self, TlsSettingsError> {
        self.and_revocations(Source::file(path))
    }

    /// The same for lists that are given as PEM or DER.
    ///
    /// # Errors
    /// As [`crl_file`](Self::crl_file).
    pub fn crl_pem(self, lists: &[u8]) -> Result<Self, TlsSettingsError> {
        self.and_revocations(Source::bytes(lists))
    }

    fn and_revocations(mut self, source: Source) -> Result<Self, TlsSettingsError> {
        self.revocations.push(source);
        Self::new(self.authorities, self.revocations)
    }

    fn new(authorities: Source, revocations: Vec<Source>) -> Result<Self, TlsSettingsError> {
        let sources: Vec<_> = [&authorities].into_iter().chain(&revocations).collect();
        let loading = (authorities.clone(), revocations.clone());
        let loaded = Watched::new(&sources, move || Loaded::read(&loading.0, &loading.1))?;
        Ok(Self { authorities, revocations, loaded: Arc::new(loaded) })
    }

    /// What they are now; see [`Watched::current`].
    pub(crate) fn current(&self, unseen: Duration) -> Arc<Loaded> {
        self.loaded.current(unseen)
    }
}

impl Loaded {
    fn read(authorities: &Source, revocations: &[Source]) -> Result<Self, TlsSettingsError> {
        let mut store = RootCertStore::empty();
        for certificate in pem::certificates(authorities)? {
            store.add(certificate).map_err(|error| pem::no_certificate(authorities, &error))?;
        }
        let mut revoked = Vec::new();
        for source in revocations {
            revoked.extend(pem::revoked(source)?);
        }
        Ok(Self { authorities: Arc::new(store), revoked })
    }

    /// What checks the certificates of plugins.
    pub(crate) fn of_plugins(
        &self,
        is_demanded: bool,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsSettingsError> {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.authorities.clone(), provider())
                .with_crls(self.revoked.iter().cloned());
        let verifier = if is_demanded { verifier } else { verifier.allow_unauthenticated() };
        match verifier.build() {
            Ok(verifier) => Ok(verifier),
            Err(error) => Err(TlsSettingsError::unusable(&error)),
        }
    }

    /// What checks the certificates of hubs.
    pub(crate) fn of_hubs(&self) -> Result<Arc<dyn ServerCertVerifier>, TlsSettingsError> {
        let verifier =
            WebPkiServerVerifier::builder_with_provider(self.authorities.clone(), provider())
                .with_crls(self.revoked.iter().cloned());
        match verifier.build() {
            Ok(verifier) => Ok(verifier),
            Err(error) => Err(TlsSettingsError::unusable(&error)),
        }
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let revocations: Vec<_> = self.revocations.iter().map(ToString::to_string).collect();
        f.debug_struct("Roots")
            .field("authorities", &self.authorities.to_string())
            .field("revocations", &revocations)
            .finish_non_exhaustive()
    }
}
