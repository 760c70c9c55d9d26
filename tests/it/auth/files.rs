//! Tokens and secrets in files.

use std::path::PathBuf;
use std::time::Duration;

use brpc::Socket;
use brpc::auth::{
    Identity, InvalidSecrets, InvalidTokens, Secret, Secrets, SecretsError, Token, TokenHash,
    Tokens, TokensError,
};
use tokio::time::{Instant, sleep};

use super::{EDGE, STORE, hello, proofs, refused};
use crate::support::eventually;
use crate::support::peer::{Peer, farewell, kind, refusal};

/// A file of the test's own, which is gone with it.
struct Own(PathBuf);

impl Own {
    fn new(name: &str, text: &str) -> Self {
        let file = std::env::temp_dir().join(format!("brpc-tokens-{name}-{}", std::process::id()));
        std::fs::write(&file, text).unwrap();
        Self(file)
    }

    fn say(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Both tokens are valid for a while; then whoever has been let in by the old one is cut off, within a
/// second.
#[tokio::test(start_paused = true)]
async fn a04_tokens_are_rotated() {
    let file = Own::new("rotated", &format!("# the old one\n{EDGE}\n"));
    let hub = Socket::builder().authenticator(Tokens::file(&file.0).unwrap()).build();
    let mut old = Peer::plugged_as(&hub, &hello("old", EDGE)).await;
    assert_eq!(refused(&hub, &hello("new", STORE)).await.code, refusal::AUTH_FAILED);
    let hash = TokenHash::of(&Token::new(STORE).unwrap());
    file.say(&format!("# both\n{EDGE}\n\n  {hash}\n"));
    sleep(Duration::from_secs(1)).await;
    let _new = Peer::plugged_as(&hub, &hello("new", STORE)).await;
    let _also_old = Peer::plugged_as(&hub, &hello("also-old", EDGE)).await;
    assert_eq!(hub.connected().len(), 3);
    file.say(&hash.to_string());
    let start = Instant::now();
    assert_eq!(old.expect(kind::GOODBYE).await.fields().number(), farewell::REVOKED);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    eventually(|| hub.connected().len() == 1).await;
    assert_eq!(hub.connected()[0].name(), "new");
    assert_eq!(refused(&hub, &hello("old", EDGE)).await.code, refusal::AUTH_FAILED);
}

/// An empty file may be one that is being written; one with a comment is meant so.
#[tokio::test(start_paused = true)]
async fn the_last_token_is_revoked_by_a_comment() {
    let file = Own::new("last", EDGE);
    let hub = Socket::builder().authenticator(Tokens::file(&file.0).unwrap()).build();
    let mut edge = Peer::plugged_as(&hub, &hello("edge", EDGE)).await;
    file.say("# it was stolen\n");
    assert_eq!(edge.expect(kind::GOODBYE).await.fields().number(), farewell::REVOKED);
    assert_eq!(refused(&hub, &hello("edge", EDGE)).await.code, refusal::AUTH_FAILED);
    file.say(STORE);
    sleep(Duration::from_secs(1)).await;
    let _store = Peer::plugged_as(&hub, &hello("store", STORE)).await;
    // At the start there is somebody to let in.
    file.say("# nobody yet");
    let error = Tokens::file(&file.0).unwrap_err();
    assert!(matches!(error, TokensError::Invalid { problem: InvalidTokens::None, .. }), "{error}");
}

/// One that is empty, that has a mistake, or that is gone.
#[tokio::test(start_paused = true)]
async fn a_bad_new_file_changes_nothing() {
    let file = Own::new("bad", EDGE);
    let hub = Socket::builder().authenticator(Tokens::file(&file.0).unwrap()).build();
    let _edge = Peer::plugged_as(&hub, &hello("edge", EDGE)).await;
    for bad in ["", "\n", "short", &format!("{STORE}\nsha256:00")] {
        file.say(bad);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(hub.connected().len(), 1, "{bad:?}");
        assert_eq!(refused(&hub, &hello("new", STORE)).await.code, refusal::AUTH_FAILED);
    }
    std::fs::remove_file(&file.0).unwrap();
    sleep(Duration::from_secs(2)).await;
    let _again = Peer::plugged_as(&hub, &hello("again", EDGE)).await;
    assert_eq!(hub.connected().len(), 2);
}

/// Each says where, and none says what.
#[test]
fn mistakes_are_told_by_their_line() {
    let told = |text: &str| {
        let error = Tokens::text(text).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("canary"));
        error.to_string()
    };
    let expected = "the text: there is no token; expected at least one";
    assert_eq!(told(" \n# a comment with words\n"), expected);
    let expected = "the text: line 2: a token has 16 to 2,048 bytes, and this one has 13";
    assert_eq!(told(&format!("{EDGE}\n canary-canary\n")), expected);
    assert!(told(&"canary".repeat(400)).ends_with("this one has 2400"));
    let expected = "the text: line 1: a hash of a token is `sha256:` and 64 hexadecimal digits";
    assert_eq!(told("sha256:canary"), expected);
    let missing = Tokens::file("/nowhere/tokens").unwrap_err();
    assert!(matches!(missing, TokensError::Read { .. }));
    assert_eq!(missing.to_string(), "can't read the tokens in /nowhere/tokens");
    let unset = Tokens::env("BRPC_NO_SUCH_VARIABLE").unwrap_err();
    assert_eq!(unset.to_string(), "the environment variable `BRPC_NO_SUCH_VARIABLE` has no tokens");
}

/// The tokens in one text are of one identity.
#[tokio::test(start_paused = true)]
async fn several_tokens_prove_the_same() {
    let tokens = Tokens::text(&format!("{EDGE} {STORE}")).unwrap();
    let tokens = tokens.identity(Identity::new("fleet").plug("edge-*"));
    let hub = Socket::builder().authenticator(tokens).build();
    let _first = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    let _same = Peer::plugged_as(&hub, &hello("edge-1", STORE)).await;
    assert_eq!(hub.connected()[0].generation(), 2);
    assert_eq!(hub.connected()[0].identity().unwrap().name(), "fleet");
}

/// Both secrets of a key are valid for a while; then whoever was let in by the old one is cut off, within a
/// second. Those that were added are no matter of the file.
#[tokio::test(start_paused = true)]
async fn secrets_are_rotated_and_keys_removed() {
    const OLD: &str = "0123456789abcdef";
    const NEW: &str = "fedcba9876543210";
    let file = Own::new("secrets", &format!("# of the edge\nedge-1 {OLD}\n"));
    let added = Secret::new(b"a secret in the code".to_vec()).unwrap();
    let other = Identity::new("other").plug("*");
    let secrets = Secrets::file(&file.0).unwrap().add("code", added, other);
    let hub = Socket::builder().authenticator(secrets).build();
    let (old, start) = (proofs::proved(&hub, "edge-1", OLD.as_bytes()).await, Instant::now());
    assert_eq!(hub.connected()[0].identity().unwrap().name(), "edge-1");
    assert_eq!(hub.connected()[0].identity().unwrap().proved_by(), "secret");
    file.say(&format!("edge-1 {OLD}\nedge-1 {NEW}\n"));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(hub.connected().len(), 1, "both are valid");
    assert!(start.elapsed() >= Duration::from_secs(5));
    file.say(&format!("edge-1 {NEW}\n"));
    revoked(old).await;
    let new = proofs::proved(&hub, "edge-1", NEW.as_bytes()).await;
    assert_eq!(proofs::denied_by(&hub, "edge-1", OLD.as_bytes()).await.code, refusal::AUTH_FAILED);
    file.say(&format!("edge-2 {NEW}\n"));
    revoked(new).await;
    assert_eq!(proofs::denied_by(&hub, "edge-1", NEW.as_bytes()).await.code, refusal::AUTH_FAILED);
    // Each key has the name that its id is.
    assert_eq!(
        proofs::denied_by(&hub, "edge-2", NEW.as_bytes()).await.code,
        refusal::NAME_NOT_ALLOWED
    );
    let _added = proofs::proved(&hub, "code", b"a secret in the code").await;
    file.say("a mistake");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(hub.connected().len(), 1);
}

/// Hears that what it was let in for was revoked; within a second.
async fn revoked(mut peer: Peer) {
    let start = Instant::now();
    assert_eq!(peer.expect(kind::GOODBYE).await.fields().number(), farewell::REVOKED);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn a_file_without_secrets_is_none() {
    let file = Own::new("none", "edge-1\n");
    let error = Secrets::file(&file.0).unwrap_err();
    let SecretsError::Invalid { problem, .. } = error else { panic!("{error:?}") };
    assert_eq!(problem, InvalidSecrets::Words { line: 1 });
    let error = Secrets::file(file.0.with_extension("no-such")).unwrap_err();
    assert!(matches!(error, SecretsError::Read { .. }), "{error}");
}
