//! What a policy says, when it has been checked.

use std::collections::HashMap;

use brpc_core::{Grants, Identity};

use crate::auth::attempt::Attempt;
use crate::auth::authenticator::Authenticator as _;
#[cfg(any(feature = "tls", feature = "tls-ring"))]
use crate::auth::certificates::Certificates;
use crate::auth::denial::Denial;
use crate::auth::secrets::Secrets;
use crate::auth::token_hash::TokenHash;
use crate::auth::unix_users::UnixUsers;

/// Who has which credential, and may do what.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// The tokens, with whom each proves.
    pub(super) tokens: Vec<(TokenHash, Identity)>,
    pub(super) secrets: Secrets,
    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    pub(super) certificates: Certificates,
    pub(super) users: UnixUsers,
    /// The same by the digests of the credentials: each proves one identity.
    pub(super) holders: HashMap<[u8; 32], Holder>,
}

/// Whom a credential proves.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) name: String,
    pub(super) grants: Grants,
}

impl Rules {
    /// Says who a plugin is: the first of its credentials that proves somebody counts.
    pub(super) async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let denied = match self.by_token(attempt) {
            Ok(identity) => return Ok(identity),
            Err(denial) => denial,
        };
        let denied = match self.secrets.authenticate(attempt).await {
            Ok(identity) => return Ok(identity),
            Err(denial) => denial.or(denied),
        };
        #[cfg(any(feature = "tls", feature = "tls-ring"))]
        let denied = match self.by_certificate(attempt) {
            Ok(identity) => return Ok(identity),
            Err(denial) => denial.or(denied),
        };
        self.users.authenticate(attempt).await.map_err(|denial| denial.or(denied))
    }

    fn by_token(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let Some(token) = attempt.token() else { return Err(Denial::not_offered("no token")) };
        let offered = TokenHash::of(token);
        // All of them are compared, whichever it is.
        let found =
            self.tokens.iter().fold(
                None,
                |found, (hash, identity)| {
                    if hash.is(&offered) { Some(identity) } else { found }
                },
            );
        found.cloned().ok_or_else(|| Denial::refused("an unknown token"))
    }

    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    fn by_certificate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let Some(certificate) = attempt.certificate() else {
            return Err(Denial::not_offered("no certificate"));
        };
        let known = self.certificates.known(&certificate);
        known.cloned().ok_or_else(|| Denial::refused("an unknown certificate"))
    }

    /// Whether the credential still proves the same, who may do all that was granted.
    pub(super) fn hold(&self, identity: &Identity) -> bool {
        let digest = identity.credential_digest();
        digest.and_then(|digest| self.holders.get(digest)).is_some_and(|holder| {
            holder.name == identity.name() && holder.grants.include(identity.granted())
        })
    }
}
