//! Plugins that have shown a certificate over TLS.

use async_trait::async_trait;
use brpc_core::Identity;
use brpc_tls::ClientCertificate;

use super::attempt::Attempt;
use super::authenticator::Authenticator;
use super::denial::Denial;

/// Lets plugins in by the certificate that they have shown over TLS, which the hub's TLS has verified
/// before: [`Clients`](crate::tls::Clients) says who may have issued it.
///
/// ```
/// use brpc_socket::auth::{Certificates, Identity};
///
/// let runner = Identity::new("runner").plug("runner-*");
/// let certificates = Certificates::new().san("runner.example", runner);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Certificates(Vec<(Mark, Identity)>);

/// By what a certificate is known.
#[derive(Clone, Debug)]
enum Mark {
    San(String),
    Fingerprint([u8; 32]),
}

/// By what these identities are proved.
const BY: &str = "certificate";

impl Certificates {
    /// None yet, so nobody is let in.
    pub fn new() -> Self {
        Self::default()
    }

    /// A certificate with this DNS name or URI among its alternative names (SAN) proves this identity; it
    /// is a URI if it has a colon. The name is compared as it is written, but for the case of letters in
    /// DNS names; a `*` in a certificate stands for itself only.
    #[must_use]
    pub fn san(mut self, name: impl Into<String>, identity: Identity) -> Self {
        self.0.push((Mark::San(name.into()), identity.by(BY)));
        self
    }

    /// The certificate with this SHA-256 proves this identity.
    #[must_use]
    pub fn fingerprint(mut self, fingerprint: [u8; 32], identity: Identity) -> Self {
        self.0.push((Mark::Fingerprint(fingerprint), identity.by(BY)));
        self
    }
}

impl Certificates {
    /// Whom a certificate proves.
    pub(super) fn known(&self, certificate: &ClientCertificate) -> Option<&Identity> {
        self.0.iter().find(|(mark, _)| mark.is_of(certificate)).map(|(_, identity)| identity)
    }
}

impl Mark {
    fn is_of(&self, certificate: &ClientCertificate) -> bool {
        match self {
            // A URI that is no more than a name isn't one: who may issue only certificates for some DNS
            // names may issue them for any URI.
            Self::San(wanted) if wanted.contains(':') => certificate.uri_names().contains(wanted),
            Self::San(wanted) => {
                certificate.dns_names().iter().any(|name| name.eq_ignore_ascii_case(wanted))
            }
            Self::Fingerprint(wanted) => certificate.fingerprint() == wanted,
        }
    }
}

#[async_trait]
impl Authenticator for Certificates {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let Some(certificate) = attempt.certificate() else {
            return Err(Denial::not_offered("no certificate"));
        };
        let Some(identity) = self.known(&certificate) else {
            return Err(Denial::refused("an unknown certificate"));
        };
        Ok(identity.clone().credential(*certificate.fingerprint()))
    }
}
