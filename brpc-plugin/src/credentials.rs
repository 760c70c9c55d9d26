//! What a plugin shows its hub, so that the hub knows who it is.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use brpc_proto::codec::Native;
use brpc_proto::limits::{MAX_HELLO, MAX_TOKEN};
use brpc_proto::{Hello, Key, KeyIdError, Secret, TokenError};
use thiserror::Error;

use crate::channel::Channel;

/// Where a plugin's token is, for [`Plugin::token`](crate::Plugin::token): a text of 1 to 2,048 bytes
/// by which a hub knows the plugin. Its `Debug` says where it is, and not what.
#[derive(Clone)]
pub struct Token(Source);

#[derive(Clone)]
enum Source {
    Text(Result<brpc_proto::Token, TokenError>),
    File(PathBuf),
    Env(String),
}

impl Token {
    /// This text itself.
    pub fn text(text: impl Into<String>) -> Self {
        Self(Source::Text(brpc_proto::Token::new(text.into())))
    }

    /// What is in this file, without white space around it. It is read anew for each attempt to
    /// connect, so that it can be replaced while the plugin runs.
    ///
    /// A [`Run`](crate::Run) whose token is wrong, isn't for its name, or can't be read, dials on: there
    /// may be another one in the file later.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// What is in this environment variable, without white space around it. It is looked up anew for
    /// each attempt to connect.
    pub fn env(name: impl Into<String>) -> Self {
        Self(Source::Env(name.into()))
    }

    /// The token as it is now.
    async fn read(&self) -> Result<brpc_proto::Token, CredentialError> {
        let found = match &self.0 {
            Source::Text(token) => token.clone(),
            Source::File(path) => {
                let (opened, path) = (path.clone(), path.clone());
                // Not in place, since a file may be anywhere.
                let read = tokio::task::spawn_blocking(move || contents(&opened)).await;
                let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
                let contents = read.map_err(|error| CredentialError::Unreadable { path, error })?;
                brpc_proto::Token::new(trimmed(contents))
            }
            Source::Env(name) => {
                let text = std::env::var(name)
                    .map_err(|_| CredentialError::NoVariable { name: name.clone() })?;
                brpc_proto::Token::new(trimmed(text.into_bytes()))
            }
        };
        found.map_err(|error| CredentialError::BadToken { token: self.clone(), error })
    }
}

/// What a file has, up to what is surely too much.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    const MOST: usize = 2 * MAX_TOKEN;
    // Not reallocated while it grows, which would leave parts of it in memory.
    let mut contents = Vec::with_capacity(MOST + 1);
    File::open(path)?.take(MOST as u64).read_to_end(&mut contents)?;
    Ok(contents)
}

/// These bytes without white space around them.
fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.trim_ascii_end().len());
    let start = bytes.len() - bytes.trim_ascii_start().len();
    bytes.drain(..start);
    bytes
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Text(_) => f.write_str("Token(..)"),
            Source::File(path) => write!(f, "Token(file {})", path.display()),
            Source::Env(name) => write!(f, "Token(environment variable {name:?})"),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Text(_) => f.write_str("the token of this plugin"),
            Source::File(path) => write!(f, "the token in the file {}", path.display()),
            Source::Env(name) => write!(f, "the token in the environment variable {name:?}"),
        }
    }
}

/// What a plugin shows its hub.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) token: Option<Token>,
    /// A secret, and its id.
    pub(crate) secret: Option<(String, Secret)>,
    /// Whether the token may be sent where others can read it.
    pub(crate) allows_plaintext: bool,
}

impl Credentials {
    /// Adds what the hub on this channel is to be shown.
    pub(crate) async fn add_to(
        &self,
        hello: &mut Hello,
        channel: Channel,
    ) -> Result<(), CredentialError> {
        if let Some((id, secret)) = &self.secret {
            let mut nonce = [0; 32];
            getrandom::fill(&mut nonce).expect("the system has random numbers");
            let key = Key::new(&**id, secret.clone(), nonce);
            hello.key = Some(key.map_err(CredentialError::BadKeyId)?);
        }
        if let Some(token) = &self.token {
            if !channel.is_private() && !self.allows_plaintext {
                return Err(CredentialError::NotPrivate { hub: channel.hub });
            }
            hello.token = Some(token.read().await?);
        }
        let size = Native::hello_size(hello);
        if size > MAX_HELLO { Err(CredentialError::TooLarge { size }) } else { Ok(()) }
    }

    /// Whether another attempt may show something else.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self.token, Some(Token(Source::File(_))))
    }
}

/// Why a plugin can't show its hub who it is; nothing was sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The file with the token can't be read.
    #[error("can't read the token in the file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The environment variable for the token is not set, or isn't a text.
    #[error("the environment variable {name:?} for the token is not set, or is no text")]
    NoVariable {
        /// Its name.
        name: String,
    },
    /// The token is empty or too long.
    #[error("{token} can't be used: {error}")]
    BadToken {
        /// Where it is.
        token: Token,
        /// What is wrong with it.
        error: TokenError,
    },
    /// The id of the secret breaks its rule.
    #[error("bad id of a secret: {0}")]
    BadKeyId(KeyIdError),
    /// Whoever is on the way to the hub could read the token.
    #[error(
        "the token is not sent to {}, since it could be read on the way: dial the hub over TLS \
         (brpcs://), use `Plugin::secret`, which is never sent, or allow it by \
         `Plugin::allow_plaintext_token`",
        hub.map_or_else(|| "the hub".to_owned(), |hub| hub.to_string())
    )]
    NotPrivate {
        /// The hub's address.
        hub: Option<SocketAddr>,
    },
    /// What the plugin says of itself doesn't fit into the first message.
    #[error(
        "the token and the labels are too long together: the plugin's first message would have \
         {size} bytes, and the limit is {MAX_HELLO}"
    )]
    TooLarge {
        /// The bytes of the message.
        size: usize,
    },
}

impl CredentialError {
    /// Whether another attempt may succeed without a change to the plugin: what is in a file may
    /// change.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreadable { .. } => true,
            Self::BadToken { token, .. } => matches!(token, Token(Source::File(_))),
            Self::NoVariable { .. }
            | Self::BadKeyId(_)
            | Self::NotPrivate { .. }
            | Self::TooLarge { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use brpc_core::{Function, Labels};
    use brpc_proto::Description;

    use super::*;

    fn hello() -> Hello {
        Hello::new("plugin", Description::new(&[Function::new("method")]).unwrap().into())
    }

    fn with(token: Token) -> Credentials {
        Credentials { token: Some(token), ..Credentials::default() }
    }

    /// The token that a hub on a private channel would be shown.
    async fn shown(token: Token) -> Result<Vec<u8>, CredentialError> {
        let mut hello = hello();
        with(token).add_to(&mut hello, Channel::own()).await?;
        Ok(hello.token.unwrap().as_bytes().to_vec())
    }

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("brpc-token-{}-{name}", std::process::id()))
    }

    #[tokio::test]
    async fn a_token_is_read_anew_without_white_space_around_it() {
        let path = file("anew");
        let token = Token::file(&path);
        for (written, read) in
            [("first\n", "first"), (" second one\r\n\n", "second one"), ("third", "third")]
        {
            std::fs::write(&path, written).unwrap();
            assert_eq!(shown(token.clone()).await.unwrap(), read.as_bytes());
        }
        std::fs::remove_file(&path).unwrap();
        let error = shown(token).await.unwrap_err();
        assert!(matches!(&error, CredentialError::Unreadable { path: told, .. } if *told == path));
        assert!(error.is_transient());
        assert_eq!(shown(Token::text(" as it is ")).await.unwrap(), b" as it is ");
    }

    #[tokio::test]
    async fn a_token_of_no_use_says_where_it_is() {
        let path = file("use");
        for (written, error) in [
            ("", TokenError::Empty),
            (" \n", TokenError::Empty),
            (&*"t".repeat(2_049), TokenError::TooLong { size: 2_049 }),
        ] {
            std::fs::write(&path, written).unwrap();
            let found = shown(Token::file(&path)).await.unwrap_err();
            assert!(found.to_string().contains(&*path.to_string_lossy()), "{found}");
            assert!(found.is_transient(), "it may be written at the moment");
            let CredentialError::BadToken { error: told, .. } = found else { panic!("{found}") };
            assert_eq!(told, error);
        }
        std::fs::remove_file(&path).unwrap();
        for token in [Token::text(""), Token::text("t".repeat(2_049))] {
            let error = shown(token).await.unwrap_err();
            assert!(matches!(error, CredentialError::BadToken { .. }) && !error.is_transient());
        }
        let error = shown(Token::env("BRPC_NO_SUCH_VARIABLE")).await.unwrap_err();
        assert!(matches!(error, CredentialError::NoVariable { .. }), "{error}");
        // One that every environment of a test has.
        assert!(!shown(Token::env("CARGO_MANIFEST_DIR")).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn h22_a_token_is_shown_only_where_nobody_on_the_way_reads_it() {
        let far = Channel::tcp(Some("192.0.2.1:80".parse().unwrap()));
        let mut credentials = with(Token::text("t"));
        let mut sent = hello();
        let error = credentials.add_to(&mut sent, far).await.unwrap_err();
        assert!(matches!(error, CredentialError::NotPrivate { hub } if hub == far.hub));
        assert!(sent.token.is_none() && !error.is_transient());
        let text = error.to_string();
        for way_out in ["192.0.2.1:80", "brpcs://", "Plugin::secret", "allow_plaintext_token"] {
            assert!(text.contains(way_out), "{text}");
        }
        credentials.allows_plaintext = true;
        assert!(credentials.add_to(&mut sent, far).await.is_ok() && sent.token.is_some());
        let near = Channel::tcp(Some("127.0.0.1:80".parse().unwrap()));
        assert!(with(Token::text("t")).add_to(&mut hello(), near).await.is_ok());
    }

    #[tokio::test]
    async fn a_secret_may_be_proved_anywhere_with_a_new_nonce_each_time() {
        let far = Channel::tcp(None);
        let secret = || Secret::new("0123456789abcdef").unwrap();
        let secret_of = |id: &str| Some((id.to_owned(), secret()));
        let credentials = Credentials { secret: secret_of("edge-7"), ..Credentials::default() };
        let (mut first, mut second) = (hello(), hello());
        credentials.add_to(&mut first, far).await.unwrap();
        credentials.add_to(&mut second, far).await.unwrap();
        let (first, second) = (first.key.unwrap(), second.key.unwrap());
        assert_eq!((first.id(), second.id()), ("edge-7", "edge-7"));
        assert_ne!(first.nonce(), second.nonce());
        let bad = Credentials { secret: secret_of("edge 7"), ..Credentials::default() };
        let error = bad.add_to(&mut hello(), far).await.unwrap_err();
        assert!(matches!(error, CredentialError::BadKeyId(_)), "{error}");
    }

    #[tokio::test]
    async fn what_is_too_long_together_is_found_before_it_is_sent() {
        let labels: Vec<_> = (0..16).map(|n| (format!("k{n:02}"), "v".repeat(125))).collect();
        let mut hello = Hello { labels: Labels::new(labels).unwrap(), ..hello() };
        let longest = with(Token::text("t".repeat(2_048)));
        let error = longest.add_to(&mut hello, Channel::own()).await.unwrap_err();
        assert!(matches!(error, CredentialError::TooLarge { size: 4_097.. }), "{error}");
        let shorter = with(Token::text("t".repeat(1_700)));
        assert!(shorter.add_to(&mut hello, Channel::own()).await.is_ok());
    }

    #[tokio::test]
    async fn a19_nothing_secret_is_shown() {
        let path = file("canary-in-the-name-is-fine");
        std::fs::write(&path, "canary".repeat(400)).unwrap();
        let credentials = Credentials {
            token: Some(Token::text("canary")),
            secret: Some(("id".to_owned(), Secret::new("canary canary canary").unwrap())),
            allows_plaintext: false,
        };
        let far = Channel::tcp(None);
        let mut sent = hello();
        credentials.add_to(&mut sent, Channel::own()).await.unwrap();
        let mut all = vec![
            format!("{credentials:?}"),
            format!("{:?}", Token::text("canary")),
            format!("{sent:?}"),
            format!("{:?}{:?}", sent.token, sent.key),
        ];
        let errors = [
            credentials.add_to(&mut hello(), far).await.unwrap_err(),
            shown(Token::text("canary".repeat(400))).await.unwrap_err(),
        ];
        all.extend(errors.iter().map(|error| format!("{error} {error:?}")));
        for said in all {
            assert!(!said.contains("canary"), "{said}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
