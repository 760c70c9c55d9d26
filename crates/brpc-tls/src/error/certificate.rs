//! Why this side refuses a certificate.

use std::error::Error as _;

use rustls::{CertificateError, OtherError};

use super::{NAMES, TlsFault, shown};
use crate::pinned::OtherPin;

/// Why it was refused.
pub(super) fn refused(error: &CertificateError) -> TlsFault {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => TlsFault::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => TlsFault::NotYetValid,
        E::Revoked => TlsFault::Revoked,
        E::UnknownIssuer => TlsFault::UnknownCa,
        E::UnknownRevocationStatus
        | E::ExpiredRevocationList
        | E::ExpiredRevocationListContext { .. } => TlsFault::RevocationUnknown,
        E::NotValidForNameContext { expected, presented } => TlsFault::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().take(NAMES).map(|name| shown(plain(name))).collect(),
        },
        // Also if the system trusts somebody who happens to have the name of the CA.
        E::BadSignature
        | E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => bad(FORGED),
        E::Other(error) => other(error),
        error => TlsFault::BadCertificate(shown(&error.to_string())),
    }
}

/// A name without its kind, as rustls writes it: `DnsName("hub.example")`, `IpAddress(192.0.2.1)`.
fn plain(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or(name, |inner| inner.trim_matches('"'))
}

/// An error of another kind: that of a pinned key, or one that rustls has no name for.
fn other(error: &OtherError) -> TlsFault {
    if let Some(OtherPin { expected, found }) = error.0.downcast_ref::<OtherPin>() {
        return TlsFault::WrongKey { expected: expected.to_string(), found: found.to_string() };
    }
    match error.0.downcast_ref() {
        Some(webpki::Error::CaUsedAsEndEntity) => bad(OF_A_CA),
        Some(webpki::Error::UnsupportedCertVersion) => bad(OLD),
        _ => TlsFault::BadCertificate(shown(
            &error.source().map_or_else(|| error.to_string(), ToString::to_string),
        )),
    }
}

fn bad(why: &str) -> TlsFault {
    TlsFault::BadCertificate(why.to_owned())
}

/// What is made where nothing else is said, as by `openssl req -x509`.
const OF_A_CA: &str = "it is that of a CA, which must not be shown as one's own; issue another one, with \
                       `basicConstraints=CA:FALSE`, or pin its key if it is a hub's \
                       (`ClientTls::pinned`)";

/// What is made without any extension, as by `openssl x509 -req`.
const OLD: &str =
    "it is of an old version of X.509, without names; issue one with a `subjectAltName`";

const FORGED: &str = "its signature, or one made with its key, doesn't hold; it may be from a CA of the \
                      same name and another key";
