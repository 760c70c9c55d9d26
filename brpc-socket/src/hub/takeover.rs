//! When a plugin gets a name that another connection has.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use brpc_proto::Hello;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// What the hub does if a plugin asks for a name that another connection has;
/// [`Builder::takeover`](crate::Builder::takeover) sets it.
///
/// A replaced connection ends with [`Replaced`](crate::DisconnectReason::Replaced), and so do its
/// calls. At every moment exactly one of both has the name, and the end of the old one is told
/// before the new one. A name can be taken over five times a minute from a plugin that lives; then the
/// hub refuses further plugins, and tells them when to come back. To find out whether it lives, the
/// hub asks it for a sign of life then, which takes up to 2 s.
///
/// If the hub knows [who plugins are](crate::auth), none gets a name that a plugin of another identity has,
/// until that one's connection has ended.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Takeover {
    /// The same plugin, which dials again since it has lost that connection, replaces it at once: a
    /// hub may not have noticed yet that the connection is dead. The same plugin is one whose
    /// `Plugin` has created both connections.
    ///
    /// For any other plugin the hub asks the one that is connected for a sign of life: without one
    /// within 2 s it is replaced, else the new one is refused as
    /// [`NameTaken`](crate::RefusalCode::NameTaken). One that can't be asked, since it has no
    /// [heartbeats](crate::Limits::heartbeat) or is of the Go package, counts as alive.
    #[default]
    SameInstance,
    /// Whoever has the name keeps it until the hub has noticed the end of the connection.
    Reject,
    /// Whoever comes last gets the name. Two plugins that both dial again will fight for it.
    Newest,
}

/// Tells a plugin that dials again from another one of that name. A secret between plugin and hub.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct InstanceId([u8; 16]);

impl InstanceId {
    /// That of a plugin, if its wire has one. Where the hub knows who it is, nobody else can have the
    /// same, though the plugin's own id may be known to others.
    pub(crate) fn of(hello: &Hello, identity: Option<&str>) -> Option<Self> {
        let own = (hello.instance != [0; 16]).then_some(hello.instance)?;
        let Some(identity) = identity else { return Some(Self(own)) };
        let hash = Sha256::new().chain_update(own).chain_update(identity).finalize();
        hash.first_chunk().copied().map(Self)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceId(..)")
    }
}

/// When a name was taken over, as far as it counts. Passed on from each holder of the name to the
/// one that replaces it, and forgotten with the last of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Takeovers(VecDeque<Instant>);

impl Takeovers {
    /// These and one more; if that is one too many, how long to wait for it.
    pub(crate) fn and_one_at(&self, now: Instant) -> Result<Self, Duration> {
        let counts = |at: &&Instant| now.duration_since(**at) < WINDOW;
        let mut recent: VecDeque<_> = self.0.iter().filter(counts).copied().collect();
        if recent.len() >= MOST
            && let Some(oldest) = recent.front()
        {
            return Err((*oldest + WINDOW).duration_since(now));
        }
        recent.push_back(now);
        Ok(Self(recent))
    }
}

/// So many takeovers of a name are enough for a plugin whose link fails now and then, and few
/// enough that two plugins which fight for a name leave it usable.
const MOST: usize = 5;

/// In which they are counted.
const WINDOW: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_belongs_to_an_identity() {
        let description = brpc_proto::Description::new(&[brpc_core::Function::new("f")]).unwrap();
        let mut hello = Hello::new("peer", description.into());
        assert_eq!(InstanceId::of(&hello, Some("a")), None);
        hello.instance = [7; 16];
        let of = |identity| InstanceId::of(&hello, identity).unwrap();
        assert_eq!(of(Some("a")), of(Some("a")));
        assert!(of(Some("a")) != of(Some("b")) && of(Some("a")) != of(None));
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_count_in_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut takeovers = Takeovers::default();
        for second in 0..5 {
            takeovers = takeovers.and_one_at(at(10 * second)).unwrap();
        }
        assert_eq!(takeovers.and_one_at(at(59)).unwrap_err(), Duration::from_secs(1));
        takeovers = takeovers.and_one_at(at(60)).unwrap();
        assert_eq!(takeovers.0.len(), 5);
        assert_eq!(takeovers.and_one_at(at(60)).unwrap_err(), Duration::from_secs(10));
    }
}
