//! Who the peer is, by its certificate.

use std::fmt;

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use webpki::EndEntityCert;

/// The certificate that a plugin has shown, and whose key it has proven to hold.
#[derive(Clone, Eq, PartialEq)]
pub struct ClientCertificate {
    fingerprint: [u8; 32],
    dns_names: Vec<String>,
    uri_names: Vec<String>,
}

impl ClientCertificate {
    /// Reads it from a certificate that was verified.
    pub(crate) fn new(der: &CertificateDer<'_>) -> Self {
        let owned = |name: &str| name.to_owned();
        // One that was verified was parsed before.
        let parsed = EndEntityCert::try_from(der).ok();
        let names = parsed.as_ref();
        Self {
            fingerprint: Sha256::digest(der).into(),
            dns_names: names
                .map(|cert| cert.valid_dns_names().map(owned).collect())
                .unwrap_or_default(),
            uri_names: names
                .map(|cert| cert.valid_uri_names().map(owned).collect())
                .unwrap_or_default(),
        }
    }

    /// The SHA-256 of the whole certificate, as `openssl x509 -fingerprint -sha256` prints it.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The DNS names that it is for (SAN), as they are written there; one with a `*` is not expanded.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// The URIs that it is for (SAN), as `spiffe://example/runner`.
    pub fn uri_names(&self) -> &[String] {
        &self.uri_names
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("fingerprint", &Hex(&self.fingerprint))
            .field("dns_names", &self.dns_names)
            .field("uri_names", &self.uri_names)
            .finish()
    }
}

/// Bytes in hexadecimal.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
