//! What an alert of the peer means.

use rustls::AlertDescription;

use super::{Role, TlsFault};

/// What the peer says.
pub(super) fn heard(alert: AlertDescription, role: Role) -> TlsFault {
    use AlertDescription as A;
    match alert {
        A::CertificateExpired => TlsFault::Outdated,
        A::CertificateRevoked => TlsFault::Revoked,
        A::UnknownCA => TlsFault::UnknownCa,
        // With TLS 1.2, a hub that demands a certificate says the other one.
        A::CertificateRequired | A::NoCertificate => TlsFault::NoCertificate,
        A::BadCertificate => bad(match role {
            Role::Hub => "it may be for another name than the one that the plugin dialled",
            Role::Plugin => "it may be damaged",
        }),
        A::CertificateUnknown => bad(match role {
            Role::Hub => "the plugin may have pinned another key",
            Role::Plugin => "the hub doesn't say why, but its log does",
        }),
        A::UnsupportedCertificate => bad("it is made for another use"),
        A::DecryptError => bad("its signature, or one made with its key, doesn't hold"),
        A::AccessDenied => bad("it doesn't give access"),
        // A hub that speaks no TLS says this to whoever speaks it, and one of brpc that does speaks
        // all versions that a plugin may speak.
        A::ProtocolVersion if role == Role::Plugin => TlsFault::NoTls,
        A::ProtocolVersion => TlsFault::Version,
        A::NoApplicationProtocol => TlsFault::Protocol,
        alert => TlsFault::Broken(format!("the peer's alert: {alert:?}")),
    }
}

fn bad(why: &str) -> TlsFault {
    TlsFault::BadCertificate(why.to_owned())
}
