//! A hub that is known by its key.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use webpki::EndEntityCert;

use crate::certificate::Hex;
use crate::provider::provider;

/// The SHA-256 of a public key (SPKI).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pin(pub(crate) [u8; 32]);

impl Pin {
    /// The pin of the key in a certificate; `None` if it isn't one.
    pub(crate) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = EndEntityCert::try_from(der).ok()?;
        Some(Self(Sha256::digest(certificate.subject_public_key_info()).into()))
    }

    /// Reads 64 hexadecimal digits, or 44 characters of base64.
    pub(crate) fn parse(given: &str) -> Option<Self> {
        let prefixes = ["sha256//", "sha256:", "sha256/", "SHA256:"];
        let text = prefixes.iter().find_map(|prefix| given.strip_prefix(prefix)).unwrap_or(given);
        hex(text).or_else(|| base64(text)).map(Self)
    }
}

/// The keys of which a hub must hold one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pins(pub(crate) Arc<[Pin]>);

impl Pins {
    /// Reads pins that white space or commas separate; at least one. The error is what is none.
    pub(crate) fn parse(given: &str) -> Result<Self, &str> {
        let texts = given.split(|character: char| character == ',' || character.is_whitespace());
        let texts = texts.filter(|text| !text.is_empty());
        let pins = texts.map(|text| Pin::parse(text).ok_or(text));
        let pins: Arc<[_]> = pins.collect::<Result<_, _>>()?;
        if pins.is_empty() { Err(given) } else { Ok(Self(pins)) }
    }
}

/// All of them, as words.
impl fmt::Display for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, pin) in self.0.iter().enumerate() {
            let or = if number == 0 { "" } else { " or " };
            write!(f, "{or}{pin}")?;
        }
        Ok(())
    }
}

/// As [`ServerTls::pin`](crate::ServerTls::pin) gives it.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", Hex(&self.0))
    }
}

/// 64 hexadecimal digits, with or without colons between the bytes.
fn hex(text: &str) -> Option<[u8; 32]> {
    let digits: String = text.chars().filter(|&character| character != ':').collect();
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// 43 characters of base64 and a `=`.
fn base64(text: &str) -> Option<[u8; 32]> {
    let text = text.strip_suffix('=')?;
    if text.len() != 43 {
        return None;
    }
    let (mut bytes, mut held, mut bits, mut at) = ([0; 32], 0_u32, 0, 0);
    for character in text.bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes[at] = u8::try_from((held >> bits) & 0xff).ok()?;
            at += 1;
        }
    }
    (held.trailing_zeros() >= 2).then_some(bytes)
}

/// The hub has another key than those that are pinned.
#[derive(Clone, Debug, Error)]
#[error("the key is {found}, and {expected} is pinned")]
pub(crate) struct OtherPin {
    pub(crate) expected: Pins,
    pub(crate) found: Pin,
}

/// Accepts whoever holds a pinned key. Names, times and issuers don't count: the key says it all.
#[derive(Debug)]
pub(crate) struct Pinned {
    pins: Pins,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    pub(crate) fn new(pins: Pins) -> Self {
        Self { pins, algorithms: provider().signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = Pin::of(end_entity).ok_or(CertificateError::BadEncoding)?;
        if self.pins.0.contains(&found) {
            return Ok(ServerCertVerified::assertion());
        }
        let error = OtherPin { expected: self.pins.clone(), found };
        Err(CertificateError::Other(OtherError(Arc::new(error))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_in_the_forms_that_tools_print() {
        let expected = Pin([0xfb; 32]);
        let digits = "fb".repeat(32);
        let colons = ["FB"; 32].join(":");
        let base64 = "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=";
        for text in [
            &*digits,
            &*colons,
            base64,
            &format!("sha256:{digits}"),
            &format!("sha256//{base64}"),
            &format!("sha256/{base64}"),
            &expected.to_string(),
        ] {
            assert_eq!(Pin::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn several_pins_are_separated_as_lists_are() {
        let (one, two) = ("fb".repeat(32), "00".repeat(32));
        let expected = Pins([Pin([0xfb; 32]), Pin([0; 32])].into());
        for text in [
            format!("{one} {two}"),
            format!("{one},{two}"),
            format!("  sha256:{one},\n\tsha256:{two}\n"),
        ] {
            assert_eq!(Pins::parse(&text), Ok(expected.clone()), "{text}");
        }
        assert_eq!(expected.to_string(), format!("sha256:{one} or sha256:{two}"));
        for (text, what) in [("", ""), (" ,\n", " ,\n"), (&*format!("{one} x"), "x")] {
            assert_eq!(Pins::parse(text), Err(what));
        }
    }

    #[test]
    fn what_is_no_pin_is_refused() {
        let digits = "fb".repeat(32);
        for text in [
            "",
            "sha256:",
            &digits[1..],
            &format!("{digits}0"),
            &digits.replace('f', "g"),
            "+/s=",
            "é",
        ] {
            assert_eq!(Pin::parse(text), None, "{text}");
        }
        // The last character has bits that no byte takes.
        assert!(Pin::parse("+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/t=").is_none());
    }
}
