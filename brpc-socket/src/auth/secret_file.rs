//! Secrets in a file.

use std::io;
use std::path::PathBuf;

use brpc_core::{Identity, name};
use brpc_proto::Secret;
use thiserror::Error;

use super::digest::digest;

/// Why there are no secrets.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// The file can't be read.
    #[error("can't read the secrets in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// One of the lines breaks a rule, or there are none.
    #[error("{}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: InvalidSecrets,
    },
}

/// What is wrong with a file of secrets. It quotes none.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidSecrets {
    /// There are none. A hub that let nobody in would not need a file.
    #[error("there is no secret; expected at least one")]
    None,
    /// A line has fewer words than two, or more.
    #[error("line {line}: expected the id of a key, white space, and its secret")]
    Words {
        /// The line, from 1.
        line: usize,
    },
    /// An id breaks its rule.
    #[error(
        "line {line}: the id of a key has 1 to 128 characters of A-Z a-z 0-9 . _ -, and the first is no \
         dot"
    )]
    Key {
        /// The line, from 1.
        line: usize,
    },
    /// A secret is too short, or too long.
    #[error("line {line}: a secret has 16 to 1,024 bytes, and this one has {size}")]
    Length {
        /// The line, from 1.
        line: usize,
        /// The bytes of the secret.
        size: usize,
    },
}

/// A secret, and whom it proves.
#[derive(Debug)]
pub(super) struct KnownSecret {
    pub(super) key: String,
    pub(super) secret: Secret,
    pub(super) identity: Identity,
}

/// By what these identities are proved.
const BY: &str = "secret";

impl KnownSecret {
    pub(super) fn new(key: impl Into<String>, secret: Secret, identity: Identity) -> Self {
        Self { key: key.into(), secret, identity: identity.by(BY) }
    }
}

/// The secrets in a text. Each key is an identity of its own. There may be none in a text that has a
/// comment: whoever leaves that means it.
pub(super) fn secrets(text: &str) -> Result<Vec<KnownSecret>, InvalidSecrets> {
    let mut has_comment = false;
    let mut secrets = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let mut words = text.split_whitespace();
        let Some(key) = words.next() else { continue };
        if key.starts_with('#') {
            has_comment = true;
            continue;
        }
        let (Some(secret), None) = (words.next(), words.next()) else {
            return Err(InvalidSecrets::Words { line });
        };
        if !name::is_plugin_name(key) {
            return Err(InvalidSecrets::Key { line });
        }
        let digest = digest("secret", &[key.as_bytes(), secret.as_bytes()]);
        let identity = Identity::new(key).plug(key).credential(digest);
        let secret =
            Secret::new(secret).map_err(|_| InvalidSecrets::Length { line, size: secret.len() })?;
        secrets.push(KnownSecret::new(key, secret, identity));
    }
    if secrets.is_empty() && !has_comment { Err(InvalidSecrets::None) } else { Ok(secrets) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    #[test]
    fn a_line_is_a_key_and_its_secret() {
        let text = format!("# edge\n\n edge-7\t{SECRET}\nedge-7 {SECRET}0\nedge-8  {SECRET}\n");
        let found = secrets(&text).unwrap();
        let keys: Vec<_> = found.iter().map(|known| known.identity.name()).collect();
        assert_eq!(keys, ["edge-7", "edge-7", "edge-8"]);
        assert!(found[2].identity.granted().may_plug("edge-8"));
        assert!(!found[2].identity.granted().may_plug("edge-7"));
        let digests = found.iter().map(|known| known.identity.credential_digest());
        assert_eq!(digests.collect::<std::collections::HashSet<_>>().len(), 3);
        assert!(secrets("# none left").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_without_the_secret() {
        for (bad, problem) in [
            (String::new(), InvalidSecrets::None),
            ("\n".to_owned(), InvalidSecrets::None),
            (format!("#\n{SECRET}"), InvalidSecrets::Words { line: 2 }),
            (format!("edge {SECRET} more"), InvalidSecrets::Words { line: 1 }),
            (format!(".edge {SECRET}"), InvalidSecrets::Key { line: 1 }),
            (format!("edge {}", &SECRET[1..]), InvalidSecrets::Length { line: 1, size: 15 }),
            (format!("edge {}", "x".repeat(1025)), InvalidSecrets::Length { line: 1, size: 1025 }),
        ] {
            let found = secrets(&bad).unwrap_err();
            assert_eq!(found, problem);
            assert!(!found.to_string().contains(&SECRET[1..]), "{found}");
        }
    }
}
