//! Finds out who a plugin is that has said Hello, before it is let in.

use std::sync::Arc;

use brpc_core::{Identity, Refusal, RefusalCode};
use brpc_proto::Hello;
use brpc_rt::foreign::contained;
use tokio::runtime::Handle;

use super::registration::{admit, refuse};
use crate::auth::{Attempt, Authenticator, Denial, audit};
use crate::hub::{Awaited, HeldPlace, Hub, Network, PluginLink, holds, revoke};

/// A plugin that has said Hello to a hub that asks who it is.
pub(super) struct Newcomer {
    pub(super) hub: Arc<Hub>,
    pub(super) link: Arc<PluginLink>,
    pub(super) hello: Arc<Hello>,
    pub(super) place: HeldPlace,
}

impl Newcomer {
    /// Has the plugin let in or refused by a task of its own, which ends with the connection: whatever
    /// the authenticator does, it harms nobody else.
    pub(super) fn settle(self, authenticator: Arc<dyn Authenticator>) {
        if let Some(wait) = self.network().and_then(|network| self.hub.throttle().wait(network)) {
            let message = "too many attempts from this source have failed";
            let refusal = Refusal::new(RefusalCode::TooManyAttempts, message).retry_after(wait);
            return self.turn_away("too many failed attempts from its source", refusal);
        }
        // Without a runtime this side ends, and the connection with it.
        if Handle::try_current().is_ok() {
            brpc_rt::spawn(async move {
                let (name, link) = (self.hello.name.clone(), self.link.clone());
                tokio::select! {
                    biased;
                    () = self.decide(&*authenticator) => {}
                    _ = link.ended() => {
                        audit::refused(&link, Some(&name), None, "it ended before that was decided");
                    }
                }
            });
        }
    }

    async fn decide(self, authenticator: &dyn Authenticator) {
        let attempt = Attempt::new(self.hello.clone(), self.link.clone(), self.place.clone());
        let decided = contained(authenticator.authenticate(&attempt)).await;
        let decided = decided.unwrap_or_else(|panic| {
            tracing::error!(?panic, "the authenticator panicked");
            Err(Denial::unavailable("the authenticator panicked"))
        });
        if let Some(network) = self.network() {
            match &decided {
                Ok(_) => self.hub.throttle().succeed(network),
                Err(denial) if denial.is_failure() => self.hub.throttle().fail(network),
                Err(_) => {}
            }
        }
        match decided {
            Ok(identity) => self.let_in(identity, authenticator),
            Err(denial) => self.turn_away(denial.reason(), denial.refusal()),
        }
    }

    /// Where it is from, if that is counted.
    fn network(&self) -> Option<Network> {
        self.hub.config().counted.network(self.link.source?)
    }

    /// Lets the plugin in, unless it may not have its name.
    fn let_in(self, identity: Identity, authenticator: &dyn Authenticator) {
        let name = &self.hello.name;
        let refused = |reason: &str, refusal| {
            audit::refused(&self.link, Some(name), Some(&identity), reason);
            refuse(&self.link, &self.hello, refusal);
        };
        // Revoked since the authenticator has decided.
        if !holds(authenticator, &identity) {
            let denial = Denial::refused("revoked meanwhile");
            return refused(denial.reason(), denial.refusal());
        }
        if !identity.granted().may_plug(name) {
            let message = format!(
                "this plugin may not have the name `{}`; give it one that its identity is granted at \
                 the hub, or grant it this one",
                name.escape_debug()
            );
            let refusal = Refusal::new(RefusalCode::NameNotAllowed, message);
            return refused("not a name that it may have", refusal);
        }
        let known = match admit(&self.hub, &self.hello) {
            Ok(known) => known,
            Err(refusal) => return refused("the hub is shutting down", refusal),
        };
        audit::allowed(&self.link, name, &identity);
        // From here on whoever revokes finds it, and says so later than this is said.
        let identity = self.link.set_identity(identity);
        if !holds(authenticator, identity) {
            return revoke(&self.link, identity);
        }
        // Before it is accepted: then it may have gone on already.
        self.place.awaits(Awaited::Description, &self.link);
        self.link.accept(known);
    }

    fn turn_away(&self, reason: &str, refusal: Refusal) {
        audit::refused(&self.link, Some(&self.hello.name), None, reason);
        refuse(&self.link, &self.hello, refusal);
    }
}
