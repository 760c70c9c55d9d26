//! Those who guess are slowed down.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brpc::auth::{Attempt, Authenticator, Denial, Identity, async_trait};
use brpc::{Builder, Socket};
use tokio::time::sleep;

use super::{EDGE, Refused, dial_from, hear_refusal, hello};
use crate::support::peer::{Hello, Peer, refusal};

/// Knows one token, and counts how often it is asked.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicUsize>);

#[async_trait]
impl Authenticator for Asked {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        self.0.fetch_add(1, Ordering::SeqCst);
        match attempt.token() {
            Some(token) if token.as_bytes() == EDGE.as_bytes() => {
                Ok(Identity::new("edge").plug("edge-*"))
            }
            Some(_) => Err(Denial::refused("wrong")),
            None => Err(Denial::not_offered("none")),
        }
    }
}

impl Asked {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn hub(&self, settings: impl FnOnce(Builder) -> Builder) -> Socket {
        settings(Socket::builder().authenticator(self.clone())).build()
    }
}

/// What a plugin hears that dials from this address.
async fn told(hub: &Socket, address: &str, hello: &Hello<'_>) -> Refused {
    let mut peer = Peer::new(dial_from(hub, address));
    peer.say_hello(hello).await;
    hear_refusal(peer).await
}

const WRONG: &str = "a token that is wrong";

#[tokio::test(start_paused = true)]
async fn a03_a_source_that_fails_is_not_asked_again_for_a_while() {
    let asked = Asked::default();
    let hub = asked.hub(|builder| builder);
    for (failures, wait) in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].into_iter().enumerate() {
        let failed = told(&hub, "192.0.2.1", &hello("edge-1", WRONG)).await;
        assert_eq!((failed.code, failed.retry_after), (refusal::AUTH_FAILED, None));
        assert_eq!(asked.times(), failures + 1);
        // The right one isn't even looked at, and trying again makes it no longer.
        for token in [WRONG, EDGE] {
            let slowed = told(&hub, "192.0.2.1", &hello("edge-1", token)).await;
            assert_eq!(slowed.code, refusal::TOO_MANY_ATTEMPTS);
            assert_eq!(slowed.retry_after, Some(Duration::from_secs(wait)));
        }
        assert_eq!(asked.times(), failures + 1);
        sleep(Duration::from_secs(wait)).await;
    }
    let mut known = Peer::new(dial_from(&hub, "192.0.2.1"));
    known.say_hello(&hello("edge-1", EDGE)).await;
    known.hear_welcome().await;
    assert_eq!(hub.refusals().too_many_attempts, 22);
    // Who has proved it begins anew.
    told(&hub, "192.0.2.1", &hello("edge-1", WRONG)).await;
    let slowed = told(&hub, "192.0.2.1", &hello("edge-1", WRONG)).await;
    assert_eq!(slowed.retry_after, Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn others_are_not_slowed_down() {
    let hub = Asked::default().hub(|builder| builder);
    let code = async |address, token| told(&hub, address, &hello("edge-1", token)).await.code;
    assert_eq!(code("2001:db8::1", WRONG).await, refusal::AUTH_FAILED);
    assert_eq!(code("2001:db8::ffff:2", WRONG).await, refusal::TOO_MANY_ATTEMPTS, "one network");
    assert_eq!(code("2001:db8:0:1::1", WRONG).await, refusal::AUTH_FAILED);
    assert_eq!(code("192.0.2.1", WRONG).await, refusal::AUTH_FAILED);
    assert_eq!(code("::ffff:192.0.2.1", WRONG).await, refusal::TOO_MANY_ATTEMPTS);
    // Whoever offers nothing has guessed nothing.
    for _ in 0..3 {
        let told = told(&hub, "192.0.2.9", &Hello::new("edge-1")).await;
        assert_eq!(told.code, refusal::AUTH_REQUIRED);
    }
}

#[tokio::test(start_paused = true)]
async fn this_host_is_slowed_down_on_demand() {
    for (counts, expected) in [(false, refusal::AUTH_FAILED), (true, refusal::TOO_MANY_ATTEMPTS)] {
        let settings = |builder: Builder| if counts { builder.count_this_host() } else { builder };
        let hub = Asked::default().hub(settings);
        assert_eq!(told(&hub, "127.0.0.1", &hello("e", WRONG)).await.code, refusal::AUTH_FAILED);
        assert_eq!(told(&hub, "::1", &hello("e", WRONG)).await.code, expected);
    }
}

/// Many guesses at once are as many failures.
#[tokio::test(start_paused = true)]
async fn guesses_at_the_same_time_count_each() {
    let asked = Asked::default();
    let hub = asked.hub(|builder| builder);
    let mut peers = Vec::new();
    for _ in 0..20 {
        let mut peer = Peer::new(dial_from(&hub, "192.0.2.1"));
        peer.say_hello(&hello("edge-1", WRONG)).await;
        peers.push(peer);
    }
    for peer in peers {
        hear_refusal(peer).await;
    }
    let slowed = told(&hub, "192.0.2.1", &hello("edge-1", EDGE)).await;
    assert_eq!(slowed.code, refusal::TOO_MANY_ATTEMPTS);
    assert!(asked.times() == 20 && slowed.retry_after == Some(Duration::from_mins(5)));
}
