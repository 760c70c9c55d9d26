//! Certificates, keys and lists of revoked certificates, out of PEM.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::error::TlsSettingsError;
use crate::source::Source;

const CERTIFICATE: &str = "PEM with certificates (-----BEGIN CERTIFICATE-----)";
const KEY: &str = "PEM with a private key (-----BEGIN PRIVATE KEY-----), not encrypted";
const CRL: &str = "a list of revoked certificates, as PEM (-----BEGIN X509 CRL-----) or DER";

/// The certificates; at least one.
pub(crate) fn certificates(
    source: &Source,
) -> Result<Vec<CertificateDer<'static>>, TlsSettingsError> {
    let bytes = source.read()?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(found) if found.is_empty() => Err(source.malformed(CERTIFICATE, "it has none")),
        Ok(found) => Ok(found),
        Err(error) => Err(source.malformed(CERTIFICATE, error)),
    }
}

/// The first private key.
pub(crate) fn key(source: &Source) -> Result<PrivateKeyDer<'static>, TlsSettingsError> {
    // An error of the parser may quote a line, and this is a key.
    PrivateKeyDer::from_pem_slice(&source.read()?).map_err(|_| source.malformed(KEY, "it has none"))
}

/// The lists of revoked certificates; at least one.
pub(crate) fn revoked(
    source: &Source,
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsSettingsError> {
    let bytes = source.read()?;
    let read: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    let lists = match read {
        Ok(found) if found.is_empty() => vec![CertificateRevocationListDer::from(bytes.to_vec())],
        Ok(found) => found,
        Err(error) => return Err(source.malformed(CRL, error)),
    };
    for list in &lists {
        webpki::OwnedCertRevocationList::from_der(list)
            .map_err(|error| source.malformed(CRL, error))?;
    }
    Ok(lists)
}

/// The error that a certificate can't be used.
pub(crate) fn no_certificate(source: &Source, error: &rustls::Error) -> TlsSettingsError {
    source.malformed(CERTIFICATE, error)
}

/// The error that a key can't be used.
pub(crate) fn no_key(source: &Source, error: &rustls::Error) -> TlsSettingsError {
    source.malformed(KEY, error)
}
