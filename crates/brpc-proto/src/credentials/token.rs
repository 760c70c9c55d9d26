//! A token on its way from a plugin to a hub.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::limits::MAX_TOKEN;

/// A token as a plugin sends it: any bytes that only it and the hub know, or that the hub can check.
/// Whoever listens on a connection that is not encrypted can use it, too.
#[derive(Clone)]
pub struct Token(Zeroizing<Vec<u8>>);

/// What is wrong with a token.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TokenError {
    /// It has no bytes.
    #[error("the token is empty")]
    Empty,
    /// It doesn't fit into a `Hello`.
    #[error("the token has {size} bytes, and the limit is {MAX_TOKEN}")]
    TooLong {
        /// Its bytes.
        size: usize,
    },
}

impl Token {
    /// A token of these bytes, 1 to 2,048.
    ///
    /// # Errors
    /// If there are none, or more.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, TokenError> {
        let bytes = Zeroizing::new(bytes.into());
        match bytes.len() {
            0 => Err(TokenError::Empty),
            1..=MAX_TOKEN => Ok(Self(bytes)),
            size => Err(TokenError::TooLong { size }),
        }
    }

    /// Its bytes. Don't compare them with those of another one, since how long that takes tells
    /// where they differ: compare their hashes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_length_is_limited() {
        assert_eq!(Token::new("t").unwrap().as_bytes(), b"t");
        assert_eq!(Token::new([7; MAX_TOKEN]).unwrap().as_bytes(), [7; MAX_TOKEN]);
        assert_eq!(Token::new("").unwrap_err(), TokenError::Empty);
        let too_long = Token::new([7; MAX_TOKEN + 1]).unwrap_err();
        assert_eq!(too_long, TokenError::TooLong { size: MAX_TOKEN + 1 });
    }

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", Token::new("canary").unwrap()), "Token(..)");
    }
}
