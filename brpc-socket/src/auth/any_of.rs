//! Several authenticators as one.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use brpc_core::Identity;
use futures_util::future::select_all;

use super::attempt::Attempt;
use super::authenticator::Authenticator;
use super::denial::Denial;

/// Several authenticators as one: they are asked in order, and the first that knows the plugin decides
/// who it is. If none does, a wrong credential counts before one that is missing.
///
/// Whether an identity still holds is for that one to say.
#[derive(Clone, Default)]
pub struct AnyOf(Vec<Arc<dyn Authenticator>>);

impl AnyOf {
    /// None yet, so nobody is let in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, which is asked after those that were added before.
    #[must_use]
    pub fn or(mut self, authenticator: impl Authenticator) -> Self {
        self.0.push(Arc::new(authenticator));
        self
    }
}

#[async_trait]
impl Authenticator for AnyOf {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let mut denied = Denial::not_offered("nobody was asked");
        for (number, authenticator) in self.0.iter().enumerate() {
            match authenticator.authenticate(attempt).await {
                Ok(identity) => return Ok(identity.from_one_of(number)),
                Err(denial) => denied = denial.or(denied),
            }
        }
        Err(denied)
    }

    async fn changed(&self) {
        if self.0.is_empty() {
            std::future::pending::<()>().await;
        }
        select_all(self.0.iter().map(Authenticator::changed)).await;
    }

    fn holds(&self, identity: &Identity) -> bool {
        let Some((number, identity)) = identity.split() else { return false };
        self.0.get(number).is_some_and(|authenticator| authenticator.holds(&identity))
    }
}

impl fmt::Debug for AnyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyOf").field(&self.0.len()).finish()
    }
}
