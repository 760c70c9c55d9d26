//! What is wrong with keys.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there are no keys.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JwtKeysError {
    /// The file can't be read.
    #[error("can't read the public keys in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// One of the keys can't be used, or there are none.
    #[error("{from}: {problem}")]
    Invalid {
        /// The file, or `the bytes`.
        from: String,
        /// What is wrong.
        problem: InvalidJwtKeys,
    },
}

/// What is wrong with keys. It quotes none.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidJwtKeys {
    /// There are none.
    #[error("there is no public key; expected PEM (-----BEGIN PUBLIC KEY-----)")]
    None,
    /// There are too many: each may have to be tried for each token.
    #[error("there are more than {limit} public keys")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// It is no PEM.
    #[error("the PEM is broken")]
    Malformed,
    /// There is a private key, which is for the issuer alone.
    #[error(
        "there is a private key, which is for the issuer of tokens alone; `openssl pkey -pubout` \
         makes the public one of it"
    )]
    Private,
    /// There is a certificate.
    #[error(
        "there is a certificate, where a public key was expected; `openssl x509 -pubkey -noout` \
         takes it out"
    )]
    Certificate,
    /// A key on another elliptic curve.
    #[error(
        "public key {number} is on another elliptic curve than P-256, or is compressed; expected \
         Ed25519, P-256 or RSA"
    )]
    Curve {
        /// Which public key, from 1.
        number: usize,
    },
    /// An RSA key that is too short to be safe, or too long to be verified with.
    #[error("public key {number} is an RSA key of {bits} bits; expected 2,048 to 8,192")]
    Bits {
        /// Which public key, from 1.
        number: usize,
        /// Its bits.
        bits: usize,
    },
    /// A key of another kind.
    #[error("public key {number} is of another kind than expected: Ed25519, P-256 or RSA")]
    Kind {
        /// Which public key, from 1.
        number: usize,
    },
}

/// What is wrong with one key.
pub(super) enum BadKey {
    Curve,
    Bits(usize),
    Kind,
}

impl BadKey {
    pub(super) fn at(self, number: usize) -> InvalidJwtKeys {
        match self {
            Self::Curve => InvalidJwtKeys::Curve { number },
            Self::Bits(bits) => InvalidJwtKeys::Bits { number, bits },
            Self::Kind => InvalidJwtKeys::Kind { number },
        }
    }
}
