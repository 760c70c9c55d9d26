//! An error in words: who refused what, and the way out.

use brpc_core::Side;

use super::{Role, TlsError, TlsFault};

/// The error in words, the same at both sides.
pub(super) fn of(error: &TlsError) -> String {
    let refuser = match error.refused_by {
        Side::This => error.role,
        Side::Peer => error.role.other(),
    };
    let (who, other) = (refuser.name(), refuser.other().name());
    let no = |why: &str| format!("{who} refused {other}'s certificate: {why}");
    match &error.fault {
        TlsFault::Expired => {
            no(&format!("it has expired; renew it at {other}, or set {who}'s clock"))
        }
        TlsFault::NotYetValid => {
            no(&format!("it isn't valid yet; set {who}'s clock, or issue one for {other} that is"))
        }
        TlsFault::Outdated => no(&format!(
            "it has expired or isn't valid yet; renew it at {other}, or set {who}'s clock"
        )),
        TlsFault::WrongName { expected, presented } => no(&format!(
            "it is for {}, and not for {expected}; dial a name that it is for, or give that as \
             `ClientTls::server_name`",
            if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") },
        )),
        TlsFault::UnknownCa => {
            let way = match refuser {
                Role::Hub => "`Roots::file`",
                Role::Plugin => "`ClientTls::ca_file`, or pin the hub's key",
            };
            no(&format!(
                "it isn't from a CA that {who} trusts; give {who} the CA's certificate ({way}), or \
                 {other} one from a CA that it trusts"
            ))
        }
        TlsFault::Revoked => no(&format!("it is revoked; issue another one for {other}")),
        TlsFault::RevocationUnknown => no(&format!(
            "no list says whether it is revoked; give {who} those of all CAs between it and the root \
             (`Roots::crl_file`)"
        )),
        TlsFault::NoCertificate => "the hub demands a certificate of the plugin, which has none; \
                                    give it one (`ClientTls::certificate_files`)"
            .to_owned(),
        TlsFault::BadCertificate(why) => no(why),
        TlsFault::WrongKey { expected, found } => format!(
            "the plugin refused the hub's key: it is {found}, and {expected} is pinned; pin the new \
             one if the hub's key was renewed"
        ),
        TlsFault::Version => format!(
            "{who} refused {other}'s versions of TLS; expected TLS 1.3, or 1.2 if both sides say \
             `allow_tls12`"
        ),
        TlsFault::Protocol => {
            format!(
                "{who} refused the protocols that {other} names (ALPN); expected `brpc/1` or none"
            )
        }
        TlsFault::NoTls => {
            "the hub speaks no TLS on this port; dial it as brpc://, or switch TLS on \
                            at the hub"
                .to_owned()
        }
        TlsFault::TooLong => {
            format!("{who} gave up {other}'s TLS handshake: it has more than 32 KiB")
        }
        TlsFault::Closed => {
            format!(
                "{who} closed the connection during the TLS handshake; does it speak TLS there?"
            )
        }
        TlsFault::Io(error) => format!("the TLS connection failed: {error}"),
        TlsFault::Settings(error) => error.to_string(),
        TlsFault::Broken(what) => format!("{who} ended TLS: {what}"),
    }
}

impl Role {
    fn other(self) -> Self {
        match self {
            Self::Hub => Self::Plugin,
            Self::Plugin => Self::Hub,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hub => "the hub",
            Self::Plugin => "the plugin",
        }
    }
}
