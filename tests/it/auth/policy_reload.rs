//! A policy whose file changes while its hub runs.

use std::path::PathBuf;
use std::time::Duration;

use brpc::auth::{AnyOf, Policy, PolicyError, Secrets, Token, TokenHash};
use brpc::{Event, Socket};
use tokio::time::{Instant, sleep};

use super::{EDGE, STORE, hello, proofs, refused};
use crate::support::eventually;
use crate::support::peer::{Peer, farewell, kind, refusal};
use crate::support::traced::{said, trace};

/// A directory of the test's own with a policy, which is gone with it.
struct Own(PathBuf);

impl Own {
    fn new(test: &str, policy: &str) -> Self {
        let own = std::env::temp_dir().join(format!("brpc-reload-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&own).unwrap();
        let own = Self(own);
        own.say(policy);
        own
    }

    fn policy(&self) -> PathBuf {
        self.0.join("policy.toml")
    }

    /// Writes into the file that is there.
    fn say(&self, policy: &str) {
        std::fs::write(self.policy(), policy).unwrap();
    }

    /// Renames another file over it.
    fn replace(&self, policy: &str) {
        let new = self.0.join("policy.new");
        std::fs::write(&new, policy).unwrap();
        std::fs::rename(new, self.policy()).unwrap();
    }

    fn hub(&self) -> Socket {
        Socket::builder().authenticator(Policy::load(self.policy()).unwrap()).build()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An identity that a token proves.
fn knows(name: &str, token: &str, plug: &str) -> String {
    let hash = TokenHash::of(&Token::new(token).unwrap());
    format!("[[identity]]\nname = \"{name}\"\ntokens = [\"{hash}\"]\nplug = [{plug}]\n\n")
}

/// Waits until the hub ends this connection because of that; within a second.
async fn hear_revocation(mut peer: Peer) {
    let start = Instant::now();
    let goodbye = peer.expect(kind::GOODBYE).await;
    assert_eq!(goodbye.fields().number(), farewell::REVOKED);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

fn names(hub: &Socket) -> Vec<String> {
    let mut names: Vec<_> = hub.connected().iter().map(|it| it.name().to_owned()).collect();
    names.sort();
    names
}

/// Who is removed and who may do less; not who may do more, nor who is as before.
#[tokio::test(start_paused = true)]
async fn who_is_removed_or_narrowed_is_cut_off_within_a_second() {
    const WIDER: &str = "wider-token-0123456789";
    const SAME: &str = "same-token-0123456789";
    let same = knows("same", SAME, "\"same\"");
    let before = knows("removed", EDGE, "\"removed\"")
        + &knows("narrowed", STORE, "\"narrowed\", \"other\"")
        + &knows("wider", WIDER, "\"wider\"")
        + &same;
    let own = Own::new("narrowed", &before);
    let hub = own.hub();
    let mut events = hub.events();
    let removed = Peer::plugged_as(&hub, &hello("removed", EDGE)).await;
    let narrowed = Peer::plugged_as(&hub, &hello("narrowed", STORE)).await;
    let _wider = Peer::plugged_as(&hub, &hello("wider", WIDER)).await;
    let _same = Peer::plugged_as(&hub, &hello("same", SAME)).await;
    let narrow = knows("narrowed", STORE, "\"narrowed\"");
    let wide = knows("wider", WIDER, "\"wider\", \"even-wider\"");
    own.say(&(same + &wide + &narrow));
    tokio::join!(hear_revocation(removed), hear_revocation(narrowed));
    eventually(|| names(&hub) == ["same", "wider"]).await;
    let mut ended = 0;
    while ended < 2 {
        if let Event::Disconnected(_, reason) = events.next().await.unwrap() {
            assert_eq!(reason, brpc::DisconnectReason::Revoked);
            ended += 1;
        }
    }
    // It holds, with less.
    let _narrowed = Peer::plugged_as(&hub, &hello("narrowed", STORE)).await;
    assert_eq!(refused(&hub, &hello("other", STORE)).await.code, refusal::NAME_NOT_ALLOWED);
    let _wider = Peer::plugged_as(&hub, &hello("even-wider", WIDER)).await;
    assert_eq!(refused(&hub, &hello("removed", EDGE)).await.code, refusal::AUTH_FAILED);
}

/// The token is known still, and proves another one.
#[tokio::test(start_paused = true)]
async fn a_credential_that_is_given_to_another_one_ends_what_it_proved() {
    let own = Own::new("given", &knows("first", EDGE, "\"*\""));
    let hub = own.hub();
    let peer = Peer::plugged_as(&hub, &hello("edge", EDGE)).await;
    own.replace(&knows("second", EDGE, "\"*\""));
    hear_revocation(peer).await;
    let _again = Peer::plugged_as(&hub, &hello("edge", EDGE)).await;
    assert_eq!(hub.connected()[0].identity().unwrap().name(), "second");
}

/// One that is empty, that has a mistake, or that is gone; each is said once.
#[tokio::test(start_paused = true)]
async fn a_bad_new_policy_changes_nothing() {
    trace();
    let good = knows("edges", EDGE, "\"edge-*\"");
    let own = Own::new("bad", &good);
    let hub = own.hub();
    let _edge = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    let place = own.policy().display().to_string();
    let told = |words: &str| said(words).iter().filter(|line| line.contains(&place)).count();
    let store = knows("store", STORE, "\"store\"");
    let bad = [
        (String::new(), "`identity` is missing"),
        (format!("{store}\n[[identity"), "this is no TOML"),
        (store.clone() + &knows("other", STORE, "\"a\""), "line 8, column 11"),
        (store.replace("plug = [\"store\"]", "plug = []"), "it may take no name"),
    ];
    for (bad, words) in &bad {
        own.say(bad);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(told(words), 1, "{words}");
        assert_eq!(names(&hub), ["edge-1"]);
        assert_eq!(refused(&hub, &hello("store", STORE)).await.code, refusal::AUTH_FAILED);
    }
    std::fs::remove_file(own.policy()).unwrap();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(told("can't be read"), 1);
    let _again = Peer::plugged_as(&hub, &hello("edge-2", EDGE)).await;
    assert_eq!(names(&hub), ["edge-1", "edge-2"]);
    own.say(&(good + &store));
    sleep(Duration::from_secs(1)).await;
    let _store = Peer::plugged_as(&hub, &hello("store", STORE)).await;
    assert_eq!(names(&hub), ["edge-1", "edge-2", "store"]);
}

/// An editor truncates the file, and then writes it, some of it first. What is there in between would
/// make sense, and would cut off those who come later in it.
#[tokio::test(start_paused = true)]
async fn a_policy_that_is_being_written_is_not_read() {
    let (edges, store) = (knows("edges", EDGE, "\"edge\""), knows("store", STORE, "\"store\""));
    let own = Own::new("written", &(edges.clone() + &store));
    let hub = own.hub();
    let _edge = Peer::plugged_as(&hub, &hello("edge", EDGE)).await;
    let _store = Peer::plugged_as(&hub, &hello("store", STORE)).await;
    for written in [String::new(), edges.clone(), edges.clone() + &store[..20]] {
        own.say(&written);
        // No longer than until it has been seen once.
        sleep(Duration::from_millis(250)).await;
        assert_eq!(names(&hub), ["edge", "store"], "{written}");
    }
    own.say(&(edges + &store + "# Now it is there.\n"));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(names(&hub), ["edge", "store"]);
}

/// The secret is in a file beside the policy.
#[tokio::test(start_paused = true)]
async fn a_secret_of_a_policy_is_proved() {
    const SECRET: &str = "a secret of some random bytes";
    let identity = |file: &str| {
        format!(
            "[[identity]]\nname = \"edges\"\nplug = [\"*\"]\n\
             secrets = [{{ id = \"key\", file = \"{file}\" }}]"
        )
    };
    let own = Own::new("secret", "");
    std::fs::write(own.0.join("short"), "short").unwrap();
    own.say(&identity("short"));
    let error = Policy::load(own.policy()).unwrap_err();
    let PolicyError::Invalid { mistake, .. } = error else { panic!("{error:?}") };
    assert_eq!((mistake.line, mistake.column), (4, 33));
    assert!(mistake.message.contains("has 5 bytes"), "{mistake}");
    std::fs::write(own.0.join("edge.secret"), format!("{SECRET}\n")).unwrap();
    std::fs::write(own.0.join("other.secret"), "another secret of some bytes").unwrap();
    own.say(&identity("edge.secret"));
    let hub = own.hub();
    let told = proofs::denied_with(&hub, SECRET.as_bytes(), b"a wrong token").await;
    assert_eq!(told.code, refusal::AUTH_FAILED);
    let peer = proofs::proved(&hub, "key", SECRET.as_bytes()).await;
    let identity_of = hub.connected()[0].identity().unwrap().clone();
    assert_eq!((identity_of.name(), identity_of.proved_by()), ("edges", "secret"));
    own.say(&identity("other.secret"));
    hear_revocation(peer).await;
}

/// The policy itself stays as it is.
#[tokio::test(start_paused = true)]
async fn a_secret_file_that_changes_alone_is_read_again() {
    const SECRETS: [&str; 2] = ["a secret of some random bytes", "another secret of some bytes"];
    let own = Own::new(
        "secret-alone",
        "[[identity]]\nname = \"edges\"\nplug = [\"*\"]\nsecrets = [\
         { id = \"key\", file = \"a.secret\" }, { id = \"key\", file = \"b.secret\" }]",
    );
    let say = |file: &str, secret: &str| std::fs::write(own.0.join(file), secret).unwrap();
    say("a.secret", SECRETS[0]);
    say("b.secret", "one that stays as it is");
    let hub = own.hub();
    let peer = proofs::proved(&hub, "key", SECRETS[0].as_bytes()).await;
    say("a.secret", SECRETS[1]);
    hear_revocation(peer).await;
    let mut peer = proofs::proved(&hub, "key", SECRETS[1].as_bytes()).await;
    // One that is gone changes nothing, until it is back.
    std::fs::remove_file(own.0.join("a.secret")).unwrap();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(names(&hub), ["edge-1"]);
    say("a.secret", SECRETS[0]);
    let goodbye = peer.expect(kind::GOODBYE).await;
    assert_eq!(goodbye.fields().number(), farewell::REVOKED);
    let _edge = proofs::proved(&hub, "key", SECRETS[0].as_bytes()).await;
}

/// It can be one of several.
#[tokio::test(start_paused = true)]
async fn a_policy_among_others_revokes() {
    let own = Own::new("among", &knows("edges", EDGE, "\"*\""));
    let any = AnyOf::new().or(Secrets::new()).or(Policy::load(own.policy()).unwrap());
    let hub = Socket::builder().authenticator(any).build();
    let peer = Peer::plugged_as(&hub, &hello("edge", EDGE)).await;
    own.say(&knows("edges", STORE, "\"*\""));
    hear_revocation(peer).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_user_of_a_policy_needs_no_credential() {
    let own = Own::new("user", "");
    let path = own.0.join("hub");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&path).unwrap());
    own.say(&format!("[[identity]]\nname = \"local\"\nplug = [\"edge\"]\nuids = [{uid}]"));
    let hub = own.hub();
    drop(hub.serve(listener));
    let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let _session = crate::support::worker::worker("edge").0.serve(stream).await.unwrap();
    let identity = hub.connected()[0].identity().unwrap().clone();
    assert_eq!((identity.name(), identity.proved_by()), ("local", "uid"));
    hub.shutdown().await;
}
