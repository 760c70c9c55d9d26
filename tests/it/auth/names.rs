//! Which names a plugin may take, and from whom.

use std::future::IntoFuture as _;
use std::time::Duration;

use brpc::auth::{Identity, Tokens};
use brpc::{DisconnectReason, Socket, Takeover};
use tokio::time::sleep;

use super::{EDGE, STORE, hear_later_refusal, hello, refused, two};
use crate::support::peer::{DESCRIPTION, Hello, Peer, kind, refusal};
use crate::support::{LONG, eventually, settle};

#[tokio::test(start_paused = true)]
async fn a07_a_name_that_the_identity_may_not_have() {
    let hub = Socket::builder().authenticator(two()).build();
    let told = refused(&hub, &hello("store", EDGE)).await;
    assert_eq!((told.code, told.retry_after), (refusal::NAME_NOT_ALLOWED, None));
    assert!(told.message.contains("`store`"), "{}", told.message);
    assert_eq!(refused(&hub, &hello("edge-", STORE)).await.code, refusal::NAME_NOT_ALLOWED);
    for (name, token) in [("edge-", EDGE), ("store", STORE)] {
        Peer::plugged_as(&hub, &hello(name, token)).await;
    }
    assert_eq!(hub.refusals().name_not_allowed, 2);
}

/// Nothing tells who is not known whether a name exists.
#[tokio::test(start_paused = true)]
async fn a23_a_taken_name_is_a_secret() {
    let hub = Socket::builder().authenticator(two()).takeover(Takeover::Reject).build();
    let _taken = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    for token in ["not a token that is known", ""] {
        let (taken, free) = if token.is_empty() {
            (refused(&hub, &Hello::new("edge-1")).await, refused(&hub, &Hello::new("edge-2")).await)
        } else {
            let (taken, free) = (hello("edge-1", token), hello("edge-2", token));
            (refused(&hub, &taken).await, refused(&hub, &free).await)
        };
        assert_eq!(taken, free);
        assert_ne!(taken.code, refusal::NAME_TAKEN);
    }
}

/// Says Hello and describes itself; the hub refuses it because of its name.
async fn name_taken(hub: &Socket, hello: &Hello<'_>) {
    let mut peer = Peer::dial(hub);
    peer.say_hello(hello).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    assert_eq!(hear_later_refusal(peer).await.code, refusal::NAME_TAKEN);
}

/// It has stolen the instance id, and may have the name; it is someone else all the same.
#[tokio::test(start_paused = true)]
async fn nobody_takes_over_what_is_of_another_identity() {
    for takeover in [Takeover::SameInstance, Takeover::Newest, Takeover::Reject] {
        let hub = Socket::builder().authenticator(two()).takeover(takeover).build();
        let mut edge = Peer::plugged_as(&hub, &hello("edge-2", EDGE)).await;
        for instance in [7, 8] {
            name_taken(&hub, &hello("edge-2", STORE).instance(instance)).await;
        }
        // The first one notices nothing.
        let call = tokio::spawn(hub.call::<u8>("edge-2", "work", &()));
        let id = edge.call().await.id;
        edge.reply(id, "1").await;
        assert_eq!(call.await.unwrap(), Ok(1));
        assert_eq!(hub.connected()[0].identity().unwrap().name(), "edge");
    }
}

/// Nor from one that gives no sign of life: only its end frees the name.
#[tokio::test(start_paused = true)]
async fn a_silent_plugin_keeps_its_name_from_others() {
    let hub = Socket::builder().authenticator(two()).build();
    let edge = Peer::plugged_as(&hub, &hello("edge-2", EDGE).heartbeats()).await;
    name_taken(&hub, &hello("edge-2", STORE).instance(8)).await;
    assert_eq!(hub.connected()[0].identity().unwrap().name(), "edge");
    drop(edge);
    settle().await;
    let _store = Peer::plugged_as(&hub, &hello("edge-2", STORE).instance(8)).await;
    assert_eq!(hub.connected()[0].identity().unwrap().name(), "store");
}

/// The same plugin, by token and instance, gets its name back at once.
#[tokio::test(start_paused = true)]
async fn the_same_identity_takes_its_name_over() {
    let hub = Socket::builder().authenticator(two()).build();
    let _old = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    let first = hub.connected()[0].clone();
    let _new = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    eventually(|| first.end() == Some(DisconnectReason::Replaced)).await;
    assert_eq!(hub.connected()[0].generation(), 2);
}

/// The sequencer makes names that the identity may not have: those are passed over.
#[tokio::test(start_paused = true)]
async fn a_sequencer_gives_no_name_that_is_not_allowed() {
    let tokens = Tokens::text(EDGE).unwrap();
    let identity = Identity::new("edge").plug("edge").plug("edge.2.4").plug("edge.2.4.6.8");
    let hub = Socket::builder()
        .authenticator(tokens.identity(identity))
        .key_sequencer(|name| format!("{name}.{}", name.len() - 2), 2)
        .build();
    let mut held = Vec::new();
    for (instance, name) in [(1, "edge"), (2, "edge.2.4")] {
        let hello = hello("edge", EDGE).instance(instance);
        held.push(Peer::plugged_as(&hub, &hello).await);
        assert_eq!(hub.connected().last().unwrap().name(), name);
    }
    name_taken(&hub, &hello("edge", EDGE).instance(3)).await;
}

/// A call that waits for a plugin is not for another identity that has got its name and knows its
/// instance id.
#[tokio::test(start_paused = true)]
async fn calls_that_outlive_a_link_go_on_at_the_same_identity_only() {
    const RESUME: u64 = 2;
    const RESUMABLE_FRAME: u8 = 0x14;
    const RESUME_FRAME: u8 = 0x1D;
    /// It remembers no connection and no call, and that is all.
    const NOTHING: [u8; 3] = [0, 0, 0];
    let hub = Socket::builder().authenticator(two()).resumable(LONG).build();
    let resuming = |token| Hello { features: RESUME, ..hello("edge-2", token) };
    let mut edge = Peer::dial(&hub);
    edge.say_hello(&resuming(EDGE)).await;
    edge.hear_preface().await;
    edge.expect(kind::ACCEPTED).await;
    edge.send_frame(kind::DESCRIBE, &DESCRIPTION).await;
    edge.expect(kind::WELCOME).await;
    edge.send_frame(RESUME_FRAME, &NOTHING).await;
    let call = tokio::spawn(hub.call::<u8>("edge-2", "work", &()).timeout(None).into_future());
    while edge.frame().await.unwrap().kind != RESUMABLE_FRAME {}
    drop(edge);
    sleep(Duration::from_secs(1)).await;
    assert!(!call.is_finished(), "it waits for its plugin");
    let mut store = Peer::dial(&hub);
    store.say_hello(&resuming(STORE)).await;
    store.hear_preface().await;
    store.expect(kind::ACCEPTED).await;
    store.expect(kind::WELCOME).await;
    store.send_frame(RESUME_FRAME, &NOTHING).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
    // Nothing of it is sent there.
    let call = hub.call::<u8>("edge-2", "work", &2).timeout(None).resumable(None);
    let call = tokio::spawn(call.into_future());
    loop {
        let frame = store.frame().await.unwrap();
        assert_ne!(frame.kind, RESUMABLE_FRAME);
        if frame.kind == kind::CALL {
            break;
        }
    }
    call.abort();
}
