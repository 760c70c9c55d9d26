//! Who may plug in: an [`Authenticator`] says who each plugin is, and which names it may take.
//! [`Builder::authenticator`](crate::Builder::authenticator) adds it.
//!
//! Without one, whoever reaches the hub can be a plugin of any name. With one, a plugin is registered
//! only if the authenticator knows who it is ([`Identity`]) and grants it the name that it asks for.
//! Then its name, its place among those that dial again and its resumable calls are bound to its
//! identity: nobody of another identity takes them over, whatever [`Takeover`](crate::Takeover) says,
//! even who has stolen the plugin's instance id.
//!
//! There are authenticators for [`Tokens`], for [`Secrets`] that are never sent, for
//! [`UnixUsers`], with the feature `tls` for certificates that plugins show, and with the feature `jwt`
//! for JWTs that a known key has signed; [`AnyOf`] asks several. One line lets in who knows a token of
//! a file:
//!
//! ```no_run
//! use brpc_socket::Socket;
//! use brpc_socket::auth::Tokens;
//!
//! # fn example() -> Result<(), brpc_socket::auth::TokensError> {
//! let hub = Socket::builder().authenticator(Tokens::file("tokens")?).build();
//! # Ok(())
//! # }
//! ```
//!
//! An authenticator of your own, which knows plugins by their source:
//!
//! ```
//! use brpc_socket::auth::{Attempt, Authenticator, Denial, async_trait};
//! use brpc_socket::{Identity, Socket};
//!
//! struct OfThisHost;
//!
//! #[async_trait]
//! impl Authenticator for OfThisHost {
//!     async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
//!         match attempt.source() {
//!             Some(source) if source.is_this_host() => Ok(Identity::new("local").plug("*")),
//!             _ => Err(Denial::refused("not of this host")),
//!         }
//!     }
//! }
//!
//! let hub = Socket::builder().authenticator(OfThisHost).build();
//! ```
//!
//! # What is logged
//! Each decision is one event of `tracing` with the target `brpc::audit`: `decision` (`allowed`,
//! `refused` or `revoked`), `identity` and `by` if it is known, `plugin` (the name that was asked for),
//! `source`, `connection`, `encrypted`, and `reason`. None contains a credential. A plugin that is allowed
//! and then doesn't get the name, as when another identity has it, is refused in a second event. A
//! certificate that TLS refuses is one event, without `plugin`, also where nobody else is asked.

mod any_of;
mod attempt;
pub(crate) mod audit;
mod authenticator;
#[cfg(any(feature = "tls", feature = "tls-ring"))]
mod certificates;
mod denial;
mod digest;
#[cfg(feature = "jwt")]
mod jwt;
mod known;
#[cfg(feature = "policy")]
mod policy;
mod secret_file;
mod secrets;
mod token_hash;
mod tokens;
mod unix_users;
mod watched;

pub use async_trait::async_trait;
pub use brpc_core::{Grants, Identity};
pub use brpc_proto::{Proof, Secret, SecretError, Token, TokenError};

pub use self::any_of::AnyOf;
pub use self::attempt::Attempt;
pub use self::authenticator::Authenticator;
#[cfg(any(feature = "tls", feature = "tls-ring"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
pub use self::certificates::Certificates;
pub use self::denial::Denial;
#[cfg(feature = "jwt")]
#[cfg_attr(docsrs, doc(cfg(feature = "jwt")))]
pub use self::jwt::{InvalidJwtKeys, Jwt, JwtClaims, JwtKeys, JwtKeysError};
#[cfg(feature = "policy")]
#[cfg_attr(docsrs, doc(cfg(feature = "policy")))]
pub use self::policy::{Policy, PolicyError, PolicyMistake};
pub use self::secret_file::{InvalidSecrets, SecretsError};
pub use self::secrets::Secrets;
pub use self::token_hash::{TokenHash, TokenHashError};
pub use self::tokens::{InvalidTokens, Tokens, TokensError};
pub use self::unix_users::UnixUsers;
