//! Tokens as a hub keeps them.

use std::fmt;
use std::str::FromStr;

use brpc_proto::Token;
use ctutils::CtEq as _;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The SHA-256 of a token: what a hub keeps of it. As a text it is `sha256:` and 64 hexadecimal digits,
/// which is also what `printf %s TOKEN | sha256sum` prints.
///
/// Whoever reads it can't use it, as long as the token is random and can't be guessed.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TokenHash([u8; 32]);

/// A text that is not the hash of a token.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("a hash of a token is `sha256:` and 64 hexadecimal digits")]
#[non_exhaustive]
pub struct TokenHashError {}

impl TokenHash {
    /// That of a token.
    pub fn of(token: &Token) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same. Takes the same time in any case.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).to_bool()
    }
}

/// What a hash begins with, as a text.
pub(crate) const PREFIX: &str = "sha256:";

impl FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, TokenHashError> {
        let digits = text.strip_prefix(PREFIX).ok_or(TokenHashError {})?.as_bytes();
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
        if digits.len() != 64 {
            return Err(TokenHashError {});
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let both = value(pair[0]).zip(value(pair[1])).ok_or(TokenHashError {})?;
            *byte = 16 * both.0 + both.1;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_prints() {
        let hash = TokenHash::of(&Token::new("abc").unwrap());
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().replace("SHA", "sha").parse(), Ok(hash));
        assert!(hash.is(&hash) && !hash.is(&TokenHash::of(&Token::new("abd").unwrap())));
    }

    #[test]
    fn other_texts_are_none() {
        let good = TokenHash::of(&Token::new("abc").unwrap()).to_string();
        let (short, long) = (&good[..good.len() - 1], format!("{good}0"));
        let (other, plus) = (good.replace("ba", "g0"), good.replace("ba", "+1"));
        for bad in ["", "sha256:", "sha512:00", &good[7..], short, &long, &other, &plus, "sha256:é"]
        {
            assert!(bad.parse::<TokenHash>().is_err(), "{bad}");
        }
    }
}
