//! Plugins that prove that they know a secret.

use brpc::Socket;
use brpc::auth::{Attempt, Authenticator, Denial, Identity, Secret, Secrets, async_trait};
use sha2::{Digest as _, Sha256};

use super::{Refused, hear_later_refusal, refused};
use crate::support::peer::{Hello, Peer, kind, refusal};

const KEY: &str = "edge-key";
const SECRET: &[u8] = b"a secret that nobody guesses";

fn hub() -> Socket {
    let edge = Identity::new("edge").plug("edge-*");
    let secrets = Secrets::new().add(KEY, Secret::new(SECRET).unwrap(), edge);
    Socket::builder().authenticator(secrets).build()
}

/// What offers this key, with this random number.
pub(super) fn offer(key: &str, nonce: u8) -> (u64, Vec<u8>) {
    let length = u8::try_from(key.len()).unwrap();
    (5, [&[length], key.as_bytes(), &[nonce; 32]].concat())
}

/// The Hello of a plugin that does.
fn hello<'a>(name: &'a str, key: &str, nonce: u8) -> Hello<'a> {
    Hello { extensions: vec![offer(key, nonce)], ..Hello::new(name) }
}

/// What a plugin hears that offers the key of these tests with this secret, beside a token.
pub(super) async fn denied_with(hub: &Socket, secret: &[u8], token: &[u8]) -> Refused {
    let extensions = vec![(4, token.to_vec()), offer("no-such-key", 1)];
    let hello = Hello { extensions, ..Hello::new("edge") };
    let (peer, challenge) = challenged(hub, &hello).await;
    denied(peer, &proof(secret, &challenge, 1, &hello)).await
}

/// What a plugin hears that offers this key, and proves that it knows this secret.
pub(super) async fn denied_by(hub: &Socket, key: &str, secret: &[u8]) -> Refused {
    let hello = hello("edge-1", key, 1);
    let (peer, challenge) = challenged(hub, &hello).await;
    denied(peer, &proof(secret, &challenge, 1, &hello)).await
}

/// HMAC-SHA-256, as RFC 2104 has it.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5C)).chain_update(inner).finalize().to_vec()
}

/// What a plugin answers that has said this Hello, to this challenge.
pub(super) fn proof(secret: &[u8], challenge: &[u8], nonce: u8, hello: &Hello<'_>) -> Vec<u8> {
    let said = Sha256::digest(hello.body());
    hmac(secret, &[b"brpc proof 1", challenge, &[nonce; 32], &said[..]].concat())
}

/// Dials with this Hello; returns the connection and the challenge.
async fn challenged(hub: &Socket, hello: &Hello<'_>) -> (Peer, Vec<u8>) {
    let mut peer = Peer::dial(hub);
    peer.say_hello(hello).await;
    peer.hear_preface().await;
    let challenge = peer.expect(kind::CHALLENGE).await.body;
    assert_eq!(challenge.len(), 32);
    (peer, challenge)
}

/// A plugin that is let in by this secret.
pub(super) async fn proved(hub: &Socket, key: &str, secret: &[u8]) -> Peer {
    let hello = hello("edge-1", key, 1);
    let (mut peer, challenge) = challenged(hub, &hello).await;
    peer.send_frame(kind::PROOF, &proof(secret, &challenge, 1, &hello)).await;
    peer.expect(kind::ACCEPTED).await;
    peer.send_frame(kind::DESCRIBE, &crate::support::peer::DESCRIPTION).await;
    peer.expect(kind::WELCOME).await;
    peer
}

/// Answers the challenge; what the hub says.
async fn denied(mut peer: Peer, proof: &[u8]) -> Refused {
    peer.send_frame(kind::PROOF, proof).await;
    hear_later_refusal(peer).await
}

#[tokio::test(start_paused = true)]
async fn who_knows_the_secret_is_let_in() {
    let (hub, hello) = (hub(), hello("edge-1", KEY, 1));
    let (mut peer, challenge) = challenged(&hub, &hello).await;
    peer.send_frame(kind::PROOF, &proof(SECRET, &challenge, 1, &hello)).await;
    assert_eq!(peer.expect(kind::ACCEPTED).await.body, [1]);
    peer.send_frame(kind::DESCRIBE, &crate::support::peer::DESCRIPTION).await;
    peer.expect(kind::WELCOME).await;
    let identity = hub.connected()[0].identity().unwrap().clone();
    assert_eq!((identity.name(), identity.proved_by()), ("edge", "secret"));
}

#[tokio::test(start_paused = true)]
async fn h22_a_recorded_handshake_is_of_no_use() {
    let (hub, hello) = (hub(), hello("edge-1", KEY, 1));
    let (mut first, challenge) = challenged(&hub, &hello).await;
    let recorded = proof(SECRET, &challenge, 1, &hello);
    first.send_frame(kind::PROOF, &recorded).await;
    first.expect(kind::ACCEPTED).await;
    for _ in 0..3 {
        let (again, other) = challenged(&hub, &hello).await;
        assert_ne!(other, challenge);
        assert_eq!(denied(again, &recorded).await.code, refusal::AUTH_FAILED);
    }
    // Before the hub asks, it is a breach of the protocol.
    let mut hasty = Peer::dial(&hub);
    hasty.say_hello(&hello).await;
    hasty.send_frame(kind::PROOF, &recorded).await;
    hasty.hear_preface().await;
    hasty.expect(kind::CHALLENGE).await;
    assert_eq!(hear_later_refusal(hasty).await.code, refusal::AUTH_FAILED);
}

/// A code for one name doesn't open another one.
#[tokio::test(start_paused = true)]
async fn a_proof_is_about_the_hello_that_it_follows() {
    let hub = hub();
    let (said, other) = (hello("edge-1", KEY, 1), hello("edge-2", KEY, 1));
    let (peer, challenge) = challenged(&hub, &said).await;
    let wrong = denied(peer, &proof(SECRET, &challenge, 1, &other)).await;
    assert_eq!(wrong.code, refusal::AUTH_FAILED);
}

/// Nobody learns which keys there are.
#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_told_the_same_as_a_wrong_secret() {
    let hub = hub();
    let mut told = Vec::new();
    for key in [KEY, "no-such-key"] {
        let hello = hello("edge-1", key, 1);
        let (peer, challenge) = challenged(&hub, &hello).await;
        told.push(
            denied(peer, &proof(b"a secret that is wrong here", &challenge, 1, &hello)).await,
        );
    }
    assert_eq!(told[0], told[1]);
    assert_eq!((told[0].code, told[0].retry_after), (refusal::AUTH_FAILED, None));
    assert_eq!(refused(&hub, &Hello::new("edge-1")).await.code, refusal::AUTH_REQUIRED);
}

/// It keeps the hub waiting, and makes room for others as one that is silent does.
#[tokio::test(start_paused = true)]
async fn one_that_never_answers_has_the_time_of_a_handshake() {
    let hub = hub();
    let (silent, _) = challenged(&hub, &hello("edge-1", KEY, 1)).await;
    assert_eq!(hear_later_refusal(silent).await.code, refusal::HANDSHAKE_TIMEOUT);
    let tight = Socket::builder().authenticator(Secrets::new()).max_handshakes(1).build();
    let (connector, listener) = brpc::MemoryListener::new();
    let _serving = tight.serve(listener);
    let mut silent = Peer::new(connector.connect().await.unwrap());
    silent.say_hello(&hello("edge-1", KEY, 1)).await;
    silent.hear_preface().await;
    silent.expect(kind::CHALLENGE).await;
    let start = tokio::time::Instant::now();
    let mut next = Peer::new(connector.connect().await.unwrap());
    next.say_hello(&hello("edge-1", KEY, 2)).await;
    assert_eq!(hear_later_refusal(silent).await.code, refusal::FULL);
    next.hear_preface().await;
    next.expect(kind::CHALLENGE).await;
    assert_eq!(start.elapsed(), std::time::Duration::ZERO);
}

/// Thinks for a second about whoever has answered.
struct Slow;

#[async_trait]
impl Authenticator for Slow {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        attempt.prove().await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        Ok(Identity::new("edge").plug("edge-*"))
    }
}

/// Then it's the hub that keeps the plugin waiting.
#[tokio::test(start_paused = true)]
async fn one_that_has_answered_makes_no_room_for_others() {
    let hub = Socket::builder().authenticator(Slow).max_handshakes(1).build();
    let (connector, listener) = brpc::MemoryListener::new();
    let _serving = hub.serve(listener);
    let mut answered = Peer::new(connector.connect().await.unwrap());
    answered.say_hello(&hello("edge-1", KEY, 1)).await;
    answered.hear_preface().await;
    answered.expect(kind::CHALLENGE).await;
    answered.send_frame(kind::PROOF, &[0; 32]).await;
    crate::support::settle().await;
    let mut next = Peer::new(connector.connect().await.unwrap());
    next.say_hello(&Hello::new("edge-2")).await;
    answered.expect(kind::ACCEPTED).await;
}
