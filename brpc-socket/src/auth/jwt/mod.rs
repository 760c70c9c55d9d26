//! Plugins with a JWT that a known key has signed.

mod claims;
mod clock;
mod error;
mod key;
mod keys;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brpc_core::{Grants, Identity};
use futures_util::future::select_all;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::decode_header;
use tokio::time::sleep;

pub use self::claims::JwtClaims;
pub use self::error::{InvalidJwtKeys, JwtKeysError};
use self::key::{Key, Mark};
pub use self::keys::JwtKeys;
use super::attempt::Attempt;
use super::authenticator::Authenticator;
use super::denial::Denial;

/// Lets plugins in whose token is a JWT that was signed with a known key, for this hub and for this time.
/// A plugin offers it as any token; it has 2,048 bytes at most.
///
/// ```no_run
/// use brpc_socket::Socket;
/// use brpc_socket::auth::{Jwt, JwtKeys};
///
/// # fn example() -> Result<(), brpc_socket::auth::JwtKeysError> {
/// let jwt = Jwt::new("hub.example").keys(JwtKeys::file("issuer.pem")?).issuer("https://id.example");
/// let hub = Socket::builder().authenticator(jwt).build();
/// # Ok(())
/// # }
/// ```
///
/// What is asked of a JWT:
///
/// | claim | |
/// |---|---|
/// | `aud` | the audience, or several, one of which is it. A JWT without it is refused |
/// | `exp` | when it expires. A JWT without it is refused |
/// | `nbf` | if it is there, that time has come |
/// | `iss` | the [issuer](Self::issuer), if that is set; else anything |
/// | `sub` | the name of the identity, or another claim by [`name_claim`](Self::name_claim) |
/// | `brpc_plug` | a pattern of names that it may take, or several; else what [`grants`](Self::grants) says. Without it, none |
///
/// It is signed with `EdDSA`, `ES256` or `RS256`; the key says with which ([`JwtKeys`]). Its header may name
/// the key (`kid`); a key or an address that it brings along is not looked at.
///
/// Whoever has the JWT is whom it says, until it expires: on a connection that is not encrypted, whoever
/// listens can use it as well. One that is issued for a few minutes is enough to plug in, since by default
/// a connection lasts after its JWT has expired ([`end_at_expiry`](Self::end_at_expiry)). There is no list of
/// those that were revoked: to revoke all that a key has signed, remove the key from its file.
///
/// Among [several](super::AnyOf), a token that is no JWT is to this one a wrong one, as a JWT is to
/// [`Tokens`](super::Tokens): whichever knows it lets it in.
pub struct Jwt {
    audience: String,
    issuer: Option<String>,
    leeway: Duration,
    name: String,
    grants: Box<GrantsOf>,
    keys: Vec<JwtKeys>,
    ends: bool,
}

type GrantsOf = dyn Fn(&JwtClaims) -> Grants + Send + Sync;

/// By what these identities are proved.
const BY: &str = "jwt";

/// How often it is looked whether a token has expired: within the second in which what doesn't hold any
/// more must be gone.
const PAUSE: Duration = Duration::from_millis(500);

impl Jwt {
    /// JWTs for this audience. No keys yet, so nobody is let in.
    pub fn new(audience: impl Into<String>) -> Self {
        Self {
            audience: audience.into(),
            issuer: None,
            leeway: Duration::from_mins(1),
            name: "sub".to_owned(),
            grants: Box::new(granted),
            keys: Vec::new(),
            ends: false,
        }
    }

    /// Adds keys of the issuer.
    #[must_use]
    pub fn keys(mut self, keys: JwtKeys) -> Self {
        self.keys.push(keys);
        self
    }

    /// Who must have issued it (`iss`). Default: whoever has one of the keys.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// How far the clocks of issuer and hub may be apart: so much longer is a JWT valid, and so much
    /// earlier. Default: one minute.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Which claim is the name of the identity: a text that is not empty. Default: `sub`.
    #[must_use]
    pub fn name_claim(mut self, claim: impl Into<String>) -> Self {
        self.name = claim.into();
        self
    }

    /// Says what each may do, by what its JWT says. Default: it may take the names that the claim
    /// `brpc_plug` grants.
    ///
    /// ```
    /// use brpc_socket::auth::{Grants, Jwt};
    ///
    /// let jwt = Jwt::new("hub.example").grants(|claims| match claims.get::<String>("sub").as_deref() {
    ///     Some("system:serviceaccount:prod:runner") => Grants::default().plug("runner-*"),
    ///     _ => Grants::default(),
    /// });
    /// ```
    #[must_use]
    pub fn grants(mut self, grants: impl Fn(&JwtClaims) -> Grants + Send + Sync + 'static) -> Self {
        self.grants = Box::new(grants);
        self
    }

    /// Ends each connection within a second when its JWT has expired, the leeway included
    /// ([`Revoked`](crate::DisconnectReason::Revoked)). The plugin dials again, with the token that it has
    /// by then; so give it that in a file, which is read for each attempt, and renew it in time. Default: a
    /// JWT is for plugging in, and what has plugged in stays.
    #[must_use]
    pub fn end_at_expiry(mut self) -> Self {
        self.ends = true;
        self
    }

    /// Who has this token, at this time since 1970.
    fn decide(&self, token: &[u8], now: Duration) -> Result<Identity, Denial> {
        let refused = |reason: &str| Err(Denial::refused(reason));
        let Some((message, signature)) = parts(token) else { return refused("no JWT") };
        let Ok(header) = decode_header(token) else {
            return refused("no JWT, or one signed in a way that is not known");
        };
        if header.crit.is_some() {
            return refused("a JWT that asks for more than is known");
        }
        let all: Vec<_> =
            self.keys.iter().filter(|keys| keys.may_be(header.kid.as_deref())).collect();
        let all: Vec<_> = all.iter().map(|keys| keys.current()).collect();
        // What the header says chooses among the keys, and never how one of them is used.
        let mut keys = all.iter().flat_map(|keys| keys.iter());
        let has_signed =
            |key: &&Key| key.algorithm() == header.alg && key.has_signed(message, &signature);
        let Some(key) = keys.find(has_signed) else {
            return refused("a JWT that no known key has signed");
        };
        let Ok(claims) = insecure_decode_claims(token) else {
            return refused("a JWT that says nothing");
        };
        let claims = JwtClaims::new(claims);
        let expiry = self.check(&claims, now).map_err(Denial::refused)?;
        let Some(name) = claims.get::<String>(&self.name).filter(|name| !name.is_empty()) else {
            return refused("a JWT without a name");
        };
        let grants = (self.grants)(&claims);
        let credential = credential(key.mark(), expiry);
        Ok(Identity::new(name).by(BY).grants(grants).credential(credential))
    }

    /// Until when it holds, if it holds here and now; else why not.
    fn check(&self, claims: &JwtClaims, now: Duration) -> Result<Duration, &'static str> {
        let Ok(Some(expiry)) = claims.date("exp") else { return Err("a JWT that never expires") };
        if self.is_over(expiry, now) {
            return Err("an expired JWT");
        }
        match claims.date("nbf") {
            Ok(None) => {}
            Ok(Some(start)) if start <= now.saturating_add(self.leeway) => {}
            _ => return Err("a JWT whose time has not come"),
        }
        if !claims.names("aud", &self.audience) {
            return Err("a JWT for another audience");
        }
        if self.issuer.is_some() && claims.get("iss") != self.issuer {
            return Err("a JWT of another issuer");
        }
        Ok(expiry)
    }

    fn is_over(&self, expiry: Duration, now: Duration) -> bool {
        expiry.saturating_add(self.leeway) <= now
    }

    /// Whether one that it has let in may stay, at this time since 1970.
    fn lasts(&self, identity: &Identity, now: Duration) -> bool {
        let Some((mark, expiry)) = identity.credential_digest().and_then(proved_by) else {
            return false;
        };
        let is_known =
            self.keys.iter().any(|keys| keys.current().iter().any(|key| *key.mark() == mark));
        is_known && !(self.ends && self.is_over(expiry, now))
    }
}

/// What is signed, and the signature.
fn parts(token: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let end = token.iter().rposition(|byte| *byte == b'.')?;
    let signature = URL_SAFE_NO_PAD.decode(&token[end + 1..]).ok()?;
    Some((&token[..end], signature))
}

/// What a JWT grants by itself.
fn granted(claims: &JwtClaims) -> Grants {
    let one = claims.get::<String>("brpc_plug").map(|pattern| vec![pattern]);
    let patterns = one.or_else(|| claims.get("brpc_plug")).unwrap_or_default();
    patterns.into_iter().fold(Grants::default(), Grants::plug)
}

/// What an identity was proved by: the key, and until when that holds.
fn credential(mark: &Mark, expiry: Duration) -> [u8; 32] {
    let mut credential = [0; 32];
    credential[..24].copy_from_slice(mark);
    credential[24..].copy_from_slice(&expiry.as_secs().to_be_bytes());
    credential
}

/// Undoes that.
fn proved_by(credential: &[u8; 32]) -> Option<(Mark, Duration)> {
    let (mark, expiry) = (credential.first_chunk()?, credential.last_chunk()?);
    Some((*mark, Duration::from_secs(u64::from_be_bytes(*expiry))))
}

#[async_trait]
impl Authenticator for Jwt {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let Some(token) = attempt.token() else { return Err(Denial::not_offered("no token")) };
        self.decide(token.as_bytes(), clock::now())
    }

    async fn changed(&self) {
        let looking = async {
            if self.ends {
                sleep(PAUSE).await;
            } else {
                pending::<()>().await;
            }
        };
        let keys = self.keys.iter().map(|keys| Box::pin(keys.changed()));
        if keys.len() == 0 {
            return looking.await;
        }
        tokio::select! {
            _ = select_all(keys) => {}
            () = looking => {}
        }
    }

    fn holds(&self, identity: &Identity) -> bool {
        self.lasts(identity, clock::now())
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("audience", &self.audience)
            .field("issuer", &self.issuer)
            .field("leeway", &self.leeway)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
