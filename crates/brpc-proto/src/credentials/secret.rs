//! A secret that a plugin and a hub share.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

/// A secret that a plugin and a hub share, and that is never sent: the plugin proves that it knows
/// it. Make it of random bytes; whoever has recorded a handshake can try out what people think of.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// What is wrong with a secret.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SecretError {
    /// Too short to withstand guessing.
    #[error("the secret has {size} bytes, and needs at least {}", Secret::MIN)]
    TooShort {
        /// Its bytes.
        size: usize,
    },
    /// More than can be of use.
    #[error("the secret has {size} bytes, and the limit is {}", Secret::MAX)]
    TooLong {
        /// Its bytes.
        size: usize,
    },
}

impl Secret {
    /// The shortest secret, in bytes: 128 bits, if they are random.
    pub const MIN: usize = 16;

    /// The longest secret, in bytes.
    pub const MAX: usize = 1024;

    /// A secret of these bytes, 16 to 1,024. A line feed at the end, which editors add to files, and a
    /// carriage return before it, are no part of it.
    ///
    /// # Errors
    /// If there are fewer, or more.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new(bytes.into());
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        match bytes.len() {
            size @ ..Self::MIN => Err(SecretError::TooShort { size }),
            Self::MIN..=Self::MAX => Ok(Self(bytes)),
            size => Err(SecretError::TooLong { size }),
        }
    }

    /// Its bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_length_is_limited() {
        let error = |size| Secret::new(vec![7; size]).err();
        assert_eq!(error(15), Some(SecretError::TooShort { size: 15 }));
        assert_eq!((error(16), error(1024)), (None, None));
        assert_eq!(error(1025), Some(SecretError::TooLong { size: 1025 }));
    }

    #[test]
    fn the_end_of_a_line_is_no_part_of_it() {
        let bytes = |text: &str| Secret::new(text).map(|secret| secret.as_bytes().to_vec());
        let sixteen = b"0123456789abcdef".to_vec();
        assert_eq!(bytes("0123456789abcdef\n"), Ok(sixteen.clone()));
        assert_eq!(bytes("0123456789abcdef\r\n"), Ok(sixteen));
        assert_eq!(bytes("0123456789abcdef \n\n"), Ok(b"0123456789abcdef \n".to_vec()));
        assert_eq!(bytes("0123456789abcde\n"), Err(SecretError::TooShort { size: 15 }));
    }

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("a canary that sings").unwrap()), "Secret(..)");
    }
}
