//! Plugins that know a token.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use brpc_core::Identity;
use brpc_proto::Token;
use thiserror::Error;

use super::attempt::Attempt;
use super::authenticator::Authenticator;
use super::denial::Denial;
use super::known::Known;
use super::token_hash::{PREFIX, TokenHash};
use super::watched::ReadError;

/// Lets plugins in that know one of some tokens. All of these tokens prove the same
/// [`identity`](Self::identity); for several identities, ask [`AnyOf`](super::AnyOf) several.
///
/// There may be several tokens at a time, so that they can be rotated: add the new one, give it to the
/// plugins, remove the old one. In a file that needs no restart: it is looked at four times a second
/// while the hub serves, and connections that were let in by a token that is gone end
/// ([`Revoked`](crate::DisconnectReason::Revoked)). To revoke the last one, leave a comment: a file that
/// is empty is taken for one that is being written.
///
/// Only hashes of the tokens are kept, and compared in constant time.
///
/// A token is written as it is, or as its [hash](TokenHash). It has at least 16 bytes, so that nobody
/// guesses it: `openssl rand -hex 32` makes a good one. Tokens are separated by white space, and a line
/// that begins with `#` is a comment.
///
/// On a connection that is not encrypted, whoever listens can use the token as well.
#[derive(Debug)]
pub struct Tokens {
    known: Known<Hashes, InvalidTokens>,
    identity: Identity,
}

type Hashes = Vec<TokenHash>;

/// Why there are no tokens.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The file can't be read.
    #[error("can't read the tokens in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The environment variable isn't set, or is no text.
    #[error("the environment variable `{name}` has no tokens")]
    Unset {
        /// The variable.
        name: String,
    },
    /// One of the tokens breaks a rule, or there are none.
    #[error("{from}: {problem}")]
    Invalid {
        /// The file, the variable, or `the text`.
        from: String,
        /// What is wrong. It quotes no token.
        problem: InvalidTokens,
    },
}

/// What is wrong with tokens. It quotes none.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidTokens {
    /// There are none. A hub that let nobody in would not need a file.
    #[error("there is no token; expected at least one")]
    None,
    /// A token is too short, or too long.
    #[error("line {line}: a token has 16 to 2,048 bytes, and this one has {size}")]
    Length {
        /// The line, from 1.
        line: usize,
        /// The bytes of the token.
        size: usize,
    },
    /// A hash breaks its rule.
    #[error("line {line}: a hash of a token is `sha256:` and 64 hexadecimal digits")]
    Hash {
        /// The line, from 1.
        line: usize,
    },
}

impl Tokens {
    /// The fewest bytes of a token.
    const MIN: usize = 16;

    /// The tokens in this text.
    ///
    /// # Errors
    /// If there are none, or one breaks its rule.
    pub fn text(text: &str) -> Result<Self, TokensError> {
        Self::from(text, "the text")
    }

    /// The tokens in an environment variable, as it is now.
    ///
    /// # Errors
    /// If the variable isn't set, if there are no tokens in it, or if one breaks its rule.
    pub fn env(name: &str) -> Result<Self, TokensError> {
        let unset = |_| TokensError::Unset { name: name.to_owned() };
        Self::from(&std::env::var(name).map_err(unset)?, name)
    }

    /// The tokens in a file, which is read again when it changes. A new file that can't be read, has
    /// a mistake or is empty changes nothing, and is logged as an error.
    ///
    /// # Errors
    /// If the file can't be read, if there are no tokens in it, or if one breaks its rule.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, TokensError> {
        let path = path.as_ref();
        let known = Known::file(path, hashes_or_comment, InvalidTokens::None);
        let known = known.map_err(|error| match error {
            ReadError::Io(error) => TokensError::Read { path: path.to_owned(), error },
            ReadError::Invalid(problem) => {
                TokensError::Invalid { from: path.display().to_string(), problem }
            }
        })?;
        Ok(Self { known, identity: anyone() })
    }

    /// Whom these tokens prove, and what that one may do. Default: `token`, who may take any name.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity.by(BY);
        self
    }

    fn from(text: &str, from: &str) -> Result<Self, TokensError> {
        let invalid = |problem| TokensError::Invalid { from: from.to_owned(), problem };
        let known = Known::always(hashes(text).map_err(invalid)?);
        Ok(Self { known, identity: anyone() })
    }
}

/// By what these identities are proved.
const BY: &str = "token";

fn anyone() -> Identity {
    Identity::new("token").by(BY).plug("*")
}

/// The hashes of the tokens in a text; at least one.
fn hashes(text: &str) -> Result<Hashes, InvalidTokens> {
    hashes_or_comment(text)
        .and_then(|hashes| if hashes.is_empty() { Err(InvalidTokens::None) } else { Ok(hashes) })
}

/// The same, or none in a text that has a comment: whoever leaves that means it.
fn hashes_or_comment(text: &str) -> Result<Hashes, InvalidTokens> {
    let mut has_comment = false;
    let mut hashes = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim_start().starts_with('#') {
            has_comment = true;
            continue;
        }
        for token in text.split_whitespace() {
            hashes.push(if token.starts_with(PREFIX) {
                token.parse().map_err(|_| InvalidTokens::Hash { line })?
            } else {
                let size = token.len();
                let token = Token::new(token).ok().filter(|_| size >= Tokens::MIN);
                TokenHash::of(&token.ok_or(InvalidTokens::Length { line, size })?)
            });
        }
    }
    if hashes.is_empty() && !has_comment { Err(InvalidTokens::None) } else { Ok(hashes) }
}

#[async_trait]
impl Authenticator for Tokens {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let Some(token) = attempt.token() else { return Err(Denial::not_offered("no token")) };
        let offered = TokenHash::of(token);
        // All of them are compared, whichever it is.
        let known = self.known.current().iter().fold(false, |is, hash| is | hash.is(&offered));
        if known {
            Ok(self.identity.clone().credential(*offered.as_bytes()))
        } else {
            Err(Denial::refused("an unknown token"))
        }
    }

    async fn changed(&self) {
        self.known.changed().await;
    }

    fn holds(&self, identity: &Identity) -> bool {
        let hashes = self.known.current();
        identity
            .credential_digest()
            .is_some_and(|digest| hashes.iter().any(|hash| hash.as_bytes() == digest))
    }
}
