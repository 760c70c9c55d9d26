//! A public key, and what it has signed.

use std::fmt;

use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};
use sha2::{Digest as _, Sha256};

use super::error::BadKey;

/// A public key. Its kind says what it has signed with, and nothing that a token says.
pub(super) struct Key {
    algorithm: Algorithm,
    public: DecodingKey,
    mark: Mark,
}

/// By which a key is found again: the first bytes of its SHA-256.
pub(super) type Mark = [u8; 24];

/// What the key of Ed25519 begins with: that it is one. 32 bytes follow.
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// What a point on P-256 begins with: on which curve it is, and that both coordinates follow, of 32
/// bytes each. Another curve has another name.
const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\
                      \x3d\x03\x01\x07\x03\x42\x00\x04";

/// The name of keys on elliptic curves, of any curve.
const ELLIPTIC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";

/// The bits of an RSA key that verifies.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

impl Key {
    /// A key as PEM has it ("PUBLIC KEY").
    pub(super) fn new(der: &[u8]) -> Result<Self, BadKey> {
        let (algorithm, public) = if let Some(key) = der.strip_prefix(ED25519)
            && key.len() == 32
        {
            (Algorithm::EdDSA, DecodingKey::from_ed_der(key))
        } else if der.starts_with(P256) && der.len() == P256.len() + 64 {
            (Algorithm::ES256, DecodingKey::from_ec_der(&der[P256.len() - 1..]))
        } else if der.windows(ELLIPTIC.len()).take(16).any(|it| it == ELLIPTIC) {
            return Err(BadKey::Curve);
        } else {
            let bits = rsa_bits(der).ok_or(BadKey::Kind)?;
            if !RSA_BITS.contains(&bits) {
                return Err(BadKey::Bits(bits));
            }
            (Algorithm::RS256, DecodingKey::from_rsa_der(der))
        };
        let digest: [u8; 32] = Sha256::digest(der).into();
        let mark = *digest.first_chunk().expect("the shorter one");
        Ok(Self { algorithm, public, mark })
    }

    /// With what it signs: each key with one algorithm only.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// By which it is found again.
    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Whether it has signed this. The cryptography is passed as it is, since the one of the process is
    /// for the program to choose.
    pub(super) fn has_signed(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm, &self.public)
            .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

/// How many bits the modulus of an RSA key has. `None` for any other key.
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let modulus = (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der).ok()?.0;
    let unused = modulus.first()?.leading_zeros() as usize;
    Some(8 * modulus.len() - unused)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.algorithm).finish()
    }
}
