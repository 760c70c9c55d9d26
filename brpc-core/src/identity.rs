//! Who a plugin is, and what it may do.

use std::fmt;

use crate::glob::Glob;

/// Who a plugin is, as the authenticator of its hub says, with what it may do.
///
/// Identities of the same name are the same to a hub, however each was proved: a plugin may take over
/// what another one of the same identity has, and nobody else may.
///
/// It contains nothing secret, and its `Debug` doesn't show the digest of its credential.
#[derive(Clone, Eq, PartialEq)]
pub struct Identity {
    name: String,
    by: &'static str,
    credential: Option<[u8; 32]>,
    grants: Grants,
    /// Which of several authenticators it is from, the outermost choice last.
    path: Vec<usize>,
}

impl Identity {
    /// An identity of this name, which may do nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        let (name, grants) = (name.into(), Grants::default());
        Self { name, by: "custom", credential: None, grants, path: Vec::new() }
    }

    /// What it may do. Default: nothing.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> Self {
        self.grants = grants;
        self
    }

    /// Adds a pattern of names that it may take, as [`Grants::plug`].
    #[must_use]
    pub fn plug(mut self, pattern: impl Into<String>) -> Self {
        self.grants = self.grants.plug(pattern);
        self
    }

    /// By what it was proved, for the audit log: `token`, `secret`, `certificate`, `uid` and so on.
    /// Default: `custom`.
    #[must_use]
    pub fn by(mut self, by: &'static str) -> Self {
        self.by = by;
        self
    }

    /// A digest of the credential that proved it, by which its authenticator finds that again when it
    /// is asked whether the identity still holds. A digest, and never the credential. Default: none.
    #[must_use]
    pub fn credential(mut self, digest: [u8; 32]) -> Self {
        self.credential = Some(digest);
        self
    }

    /// Its name, for people and for comparison. May be any text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// By what it was proved.
    pub fn proved_by(&self) -> &'static str {
        self.by
    }

    /// The digest of the credential that proved it, if its authenticator has noted that.
    pub fn credential_digest(&self) -> Option<&[u8; 32]> {
        self.credential.as_ref()
    }

    /// What it may do.
    pub fn granted(&self) -> &Grants {
        &self.grants
    }

    /// The same, as it is from the authenticator with this number among several.
    #[doc(hidden)]
    #[must_use]
    pub fn from_one_of(mut self, number: usize) -> Self {
        self.path.push(number);
        self
    }

    /// Undoes that: the number, and the identity as that authenticator knows it.
    #[doc(hidden)]
    pub fn split(&self) -> Option<(usize, Self)> {
        let mut identity = self.clone();
        let number = identity.path.pop()?;
        Some((number, identity))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name)
            .field("by", &self.by)
            .field("grants", &self.grants)
            .finish_non_exhaustive()
    }
}

/// What an identity may do. What isn't granted is denied, so by default that is everything.
///
/// In a pattern `*` matches any characters, also none, and `?` exactly one; no other character is
/// special. What it is compared with is a name, whatever that contains, and never a pattern.
///
/// A hub asks for [`plug`](Self::plug) today. The other grants are for calls from a plugin through its
/// hub, which there are none of yet: they are stored and change nothing.
///
/// ```
/// use brpc_core::Grants;
///
/// let grants = Grants::default().plug("edge-*").call("store", "read");
/// assert!(grants.may_plug("edge-7") && !grants.may_plug("store"));
/// assert!(grants.may_call("store", "read") && !grants.may_call("store", "write"));
/// assert!(!grants.may_operate());
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Grants {
    plug: Vec<Glob>,
    /// Plugins and methods.
    call: Vec<(Glob, Glob)>,
    observe: Vec<Glob>,
    operate: bool,
}

impl Grants {
    /// It may be a plugin of a name that the pattern matches.
    #[must_use]
    pub fn plug(mut self, pattern: impl Into<String>) -> Self {
        self.plug.push(Glob::new(pattern.into()));
        self
    }

    /// It may call the methods that the second pattern matches, of the plugins that the first one
    /// matches.
    #[must_use]
    pub fn call(mut self, plugins: impl Into<String>, methods: impl Into<String>) -> Self {
        self.call.push((Glob::new(plugins.into()), Glob::new(methods.into())));
        self
    }

    /// It may see the plugins that the pattern matches, and their events.
    #[must_use]
    pub fn observe(mut self, plugins: impl Into<String>) -> Self {
        self.observe.push(Glob::new(plugins.into()));
        self
    }

    /// It may operate the hub.
    #[must_use]
    pub fn operate(mut self) -> Self {
        self.operate = true;
        self
    }

    /// Whether it may be the plugin of this name.
    pub fn may_plug(&self, name: &str) -> bool {
        self.plug.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether it may call this method of this plugin.
    pub fn may_call(&self, plugin: &str, method: &str) -> bool {
        self.call
            .iter()
            .any(|(plugins, methods)| plugins.matches(plugin) && methods.matches(method))
    }

    /// Whether it may see this plugin and its events.
    pub fn may_observe(&self, plugin: &str) -> bool {
        self.observe.iter().any(|pattern| pattern.matches(plugin))
    }

    /// Whether each of the other grants is one of these. Patterns are compared as they are written, so
    /// `edge-*` does not include `edge-1`.
    pub fn include(&self, others: &Self) -> bool {
        others.plug.iter().all(|it| self.plug.contains(it))
            && others.call.iter().all(|it| self.call.contains(it))
            && others.observe.iter().all(|it| self.observe.contains(it))
            && (self.operate || !others.operate)
    }

    /// Whether it may operate the hub.
    pub fn may_operate(&self) -> bool {
        self.operate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a16_what_is_not_granted_is_denied() {
        let nothing = Identity::new("a");
        let grants = nothing.granted();
        assert!(!grants.may_plug("a") && !grants.may_call("a", "f"));
        assert!(!grants.may_observe("a") && !grants.may_operate());
    }

    #[test]
    fn each_grant_is_for_itself() {
        let grants = Grants::default().plug("edge-*").plug("hub?").call("store*", "read");
        let grants = grants.observe("edge-1").operate();
        assert!(grants.may_plug("edge-") && grants.may_plug("hub1") && !grants.may_plug("hub"));
        assert!(!grants.may_plug("store"), "what it may call");
        assert!(grants.may_call("store-1", "read") && !grants.may_call("store-1", "reads"));
        assert!(!grants.may_call("edge-1", "read"));
        assert!(grants.may_observe("edge-1") && !grants.may_observe("edge-2"));
        assert!(grants.may_operate());
    }

    #[test]
    fn what_may_do_more_includes_what_may_do_less() {
        let some = || Grants::default().plug("a").call("b", "c").observe("d");
        let more = [
            some().plug("e"),
            some().call("b", "e"),
            some().call("e", "c"),
            some().observe("e"),
            some().operate(),
        ];
        assert!(some().include(&some()) && some().include(&Grants::default()));
        for more in more {
            assert!(more.include(&some()) && !some().include(&more), "{more:?}");
        }
        assert!(!Grants::default().plug("*").include(&Grants::default().plug("a")));
    }

    /// Names from the wire of Go packages may contain such characters.
    #[test]
    fn a_name_is_no_pattern() {
        let grants = Grants::default().plug("edge-1").call("store", "read");
        for name in ["*", "edge-*", "edge-?", "?dge-1"] {
            assert!(!grants.may_plug(name) && !grants.may_call("store", name), "{name}");
        }
    }

    #[test]
    fn the_digest_is_not_shown() {
        let identity = Identity::new("a").by("token").credential([0xAB; 32]).plug("b");
        let shown = format!("{identity:?}");
        assert!(shown.contains("token") && shown.contains("\"b\""), "{shown}");
        assert!(!shown.contains("171") && !shown.to_lowercase().contains("ab"), "{shown}");
        assert_eq!(identity.credential_digest(), Some(&[0xAB; 32]));
    }
}
