//! What can be wrong.

mod alert;
mod certificate;
mod settings;
mod words;

use std::io;

use brpc_core::Side;
use rustls::InvalidMessage;
use thiserror::Error;

pub use settings::TlsSettingsError;

/// Why a TLS connection failed. Its text says who refused what, and the way out.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{}", words::of(self))]
pub struct TlsError {
    fault: TlsFault,
    refused_by: Side,
    /// The side that reports it.
    role: Role,
    stage: Stage,
}

/// What failed in TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsFault {
    /// The other side's certificate has expired.
    Expired,
    /// The other side's certificate is not valid yet.
    NotYetValid,
    /// One of both; a peer that refuses a certificate doesn't tell which.
    Outdated,
    /// The hub's certificate is for other names than the one that was dialled.
    #[non_exhaustive]
    WrongName {
        /// The name that was expected.
        expected: String,
        /// The first names of the certificate.
        presented: Vec<String>,
    },
    /// The other side's certificate isn't from a CA that is trusted.
    UnknownCa,
    /// The other side's certificate is revoked.
    Revoked,
    /// No list says whether the other side's certificate is revoked.
    RevocationUnknown,
    /// The hub demands a certificate, and the plugin has shown none.
    NoCertificate,
    /// The other side's certificate is no good in another way, which this says.
    BadCertificate(String),
    /// The hub's key is none of those that are pinned.
    #[non_exhaustive]
    WrongKey {
        /// The keys that are pinned, as [`ServerTls::pin`](crate::ServerTls::pin) gives them, with ` or `
        /// in between.
        expected: String,
        /// The hub's key.
        found: String,
    },
    /// There is no version of TLS that both sides speak.
    Version,
    /// The plugin names other protocols than brpc's.
    Protocol,
    /// The hub speaks no TLS on this port, or the peer is none.
    NoTls,
    /// The peer's handshake has more than 32 KiB.
    TooLong,
    /// The peer closed the connection in the handshake, without a reason.
    Closed,
    /// The connection failed, as this says.
    Io(String),
    /// This side's settings can't be used.
    Settings(TlsSettingsError),
    /// The peer broke a rule of TLS, or said that this side did.
    Broken(String),
}

/// Which side of the connection it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Hub,
    Plugin,
}

/// When it failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// In this side's handshake: the peer isn't known, so what it says may be anybody's.
    Handshake,
    /// After it.
    Secured,
}

/// How many names of a certificate are told, and how much of each text of a peer.
const NAMES: usize = 5;
const TEXT: usize = 200;

impl TlsError {
    /// What failed.
    pub fn fault(&self) -> &TlsFault {
        &self.fault
    }

    /// Which side refused to go on.
    pub fn refused_by(&self) -> Side {
        self.refused_by
    }

    /// Whether another attempt may succeed without a change to the plugin's settings.
    ///
    /// Final is what this side's settings make impossible, and what a hub says about the plugin's
    /// certificate after it has proven who it is: that there is none, or that it is revoked, of an
    /// unknown CA or made for another use. An outdated one may be renewed.
    ///
    /// All else may pass, also a certificate of the hub that is no good: anybody on the way can show one,
    /// and must not be able to end a plugin for good.
    pub fn is_transient(&self) -> bool {
        use TlsFault::{BadCertificate, NoCertificate, Revoked, Settings, UnknownCa};
        match &self.fault {
            Settings(_) => false,
            NoCertificate | Revoked | UnknownCa | BadCertificate(_) => {
                !(self.stage == Stage::Secured && self.refused_by == Side::Peer)
            }
            _ => true,
        }
    }

    /// Whether this side refused the other's certificate, or that it has none.
    pub(crate) fn is_refused_certificate(&self) -> bool {
        use TlsFault::{
            BadCertificate, Expired, NoCertificate, NotYetValid, RevocationUnknown, Revoked,
            UnknownCa,
        };
        let is_of_certificate = matches!(
            self.fault,
            BadCertificate(_)
                | Expired
                | NoCertificate
                | NotYetValid
                | RevocationUnknown
                | Revoked
                | UnknownCa
        );
        is_of_certificate && self.refused_by == Side::This
    }

    /// Whether the stream below failed, and nobody refused anything.
    pub(crate) fn is_of_transport(&self) -> bool {
        matches!(self.fault, TlsFault::Closed | TlsFault::Io(_))
    }

    pub(crate) fn too_long(role: Role) -> Self {
        Self { fault: TlsFault::TooLong, refused_by: Side::This, role, stage: Stage::Handshake }
    }

    pub(crate) fn settings(error: TlsSettingsError, role: Role) -> Self {
        let fault = TlsFault::Settings(error);
        Self { fault, refused_by: Side::This, role, stage: Stage::Handshake }
    }

    /// What a stream's error means.
    pub(crate) fn new(error: &io::Error, role: Role, stage: Stage) -> Self {
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let (fault, refused_by) = match of_tls {
            Some(rustls::Error::AlertReceived(alert)) => (alert::heard(*alert, role), Side::Peer),
            Some(error) => (seen(error, role, stage), Side::This),
            None if error.kind() == io::ErrorKind::UnexpectedEof => (TlsFault::Closed, Side::Peer),
            None => (TlsFault::Io(shown(&error.to_string())), Side::Peer),
        };
        Self { fault, refused_by, role, stage }
    }
}

/// What this side has seen.
fn seen(error: &rustls::Error, role: Role, stage: Stage) -> TlsFault {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => certificate::refused(error),
        E::InvalidCertRevocationList(_) => TlsFault::RevocationUnknown,
        E::NoCertificatesPresented => TlsFault::NoCertificate,
        E::NoApplicationProtocol => TlsFault::Protocol,
        E::PeerIncompatible(error) => incompatible(error),
        // The first bytes aren't those of TLS.
        E::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) if role == Role::Plugin && stage == Stage::Handshake => TlsFault::NoTls,
        error => TlsFault::Broken(shown(&error.to_string())),
    }
}

fn incompatible(error: &rustls::PeerIncompatible) -> TlsFault {
    use rustls::PeerIncompatible as E;
    match error {
        E::ServerDoesNotSupportTls12Or13
        | E::ServerTlsVersionIsDisabledByOurConfig
        | E::SupportedVersionsExtensionRequired
        | E::Tls12NotOffered
        | E::Tls12NotOfferedOrEnabled => TlsFault::Version,
        error => TlsFault::Broken(shown(&format!("nothing in common: {error:?}"))),
    }
}

/// A text that may have bytes of the peer in it: escaped, and cut.
fn shown(text: &str) -> String {
    text.escape_debug().take(TEXT).collect()
}

impl From<TlsSettingsError> for TlsError {
    fn from(error: TlsSettingsError) -> Self {
        Self::settings(error, Role::Plugin)
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
