//! A policy in a file.

use std::path::PathBuf;
use std::time::Duration;

use brpc::Socket;
use brpc::auth::{Policy, PolicyError, Token, TokenHash};
use tokio::time::{Instant, sleep};

use super::{EDGE, STORE, hello, refused};
use crate::support::eventually;
use crate::support::peer::{Peer, farewell, kind, refusal};

/// A folder of the test's own, which is gone with it.
struct Own(PathBuf);

impl Own {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("brpc-policy-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.join("policy.toml")
    }

    /// Replaces the policy by another one, as it should be done.
    fn say(&self, identities: &[String]) {
        let new = self.0.join("new");
        std::fs::write(&new, identities.join("\n")).unwrap();
        std::fs::rename(new, self.path()).unwrap();
    }

    /// A hub with this policy.
    fn hub(&self) -> Socket {
        Socket::builder().authenticator(Policy::load(self.path()).unwrap()).build()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn identity(name: &str, token: &str, plug: &str) -> String {
    let hash = TokenHash::of(&Token::new(token).unwrap());
    format!("[[identity]]\nname = \"{name}\"\ntokens = [\"{hash}\"]\nplug = [{plug}]\n")
}

#[tokio::test(start_paused = true)]
async fn it_says_who_is_who_and_who_may_take_which_name() {
    let own = Own::new("who");
    own.say(&[identity("edges", EDGE, "\"edge-*\""), identity("stores", STORE, "\"store\"")]);
    let hub = own.hub();
    let _edge = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    let _store = Peer::plugged_as(&hub, &hello("store", STORE)).await;
    let who = |name: &str| {
        let plugins = hub.connected();
        let plugin = plugins.iter().find(|plugin| plugin.name() == name).unwrap();
        plugin.identity().unwrap().name().to_owned()
    };
    assert_eq!((who("edge-1"), who("store")), ("edges".to_owned(), "stores".to_owned()));
    assert_eq!(refused(&hub, &hello("edge-2", STORE)).await.code, refusal::NAME_NOT_ALLOWED);
    let unknown = hello("edge-2", "unknown-token-0123456789");
    assert_eq!(refused(&hub, &unknown).await.code, refusal::AUTH_FAILED);
}

/// Whoever is gone from the file, or may do less, is cut off within a second; whoever may do more stays.
#[tokio::test(start_paused = true)]
async fn a04_whoever_loses_a_right_is_cut_off() {
    let own = Own::new("revoked");
    let (edges, stores) =
        (identity("edges", EDGE, "\"edge-*\""), identity("stores", STORE, "\"store\""));
    own.say(&[edges.clone(), stores.clone()]);
    let hub = own.hub();
    let mut edge = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    let mut store = Peer::plugged_as(&hub, &hello("store", STORE)).await;

    own.say(&[edges, identity("stores", STORE, "\"store\", \"shop\"")]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(hub.connected().len(), 2);

    own.say(&[identity("edges", EDGE, "\"edge-2\""), stores.clone()]);
    let start = Instant::now();
    assert_eq!(edge.expect(kind::GOODBYE).await.fields().number(), farewell::REVOKED);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    eventually(|| hub.connected().len() == 1).await;

    own.say(&[identity("edges", EDGE, "\"edge-2\"")]);
    assert_eq!(store.expect(kind::GOODBYE).await.fields().number(), farewell::REVOKED);
    eventually(|| hub.connected().is_empty()).await;
    assert_eq!(refused(&hub, &hello("store", STORE)).await.code, refusal::AUTH_FAILED);
}

/// As an editor leaves it for a moment, and for longer.
#[tokio::test(start_paused = true)]
async fn a_policy_with_a_mistake_changes_nothing() {
    let own = Own::new("mistake");
    let edges = identity("edges", EDGE, "\"edge-*\"");
    own.say(std::slice::from_ref(&edges));
    let hub = own.hub();
    let _edge = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    for half in ["", "[[identity]]", &edges[..edges.len() / 2]] {
        std::fs::write(own.path(), half).unwrap();
        sleep(Duration::from_secs(2)).await;
        assert_eq!(hub.connected().len(), 1, "{half:?}");
    }
    std::fs::remove_file(own.path()).unwrap();
    sleep(Duration::from_secs(2)).await;
    let _again = Peer::plugged_as(&hub, &hello("edge-2", EDGE)).await;
    assert_eq!(hub.connected().len(), 2);
}

#[test]
fn a_hub_does_not_start_with_a_mistake() {
    let own = Own::new("start");
    std::fs::write(own.path(), "[[identity]]\nname = \"a\"\nplugs = [\"a\"]\n").unwrap();
    let PolicyError::Invalid { mistake, .. } = Policy::load(own.path()).unwrap_err() else {
        panic!("it was read")
    };
    assert_eq!((mistake.line, mistake.column), (3, 1), "{mistake}");
}
