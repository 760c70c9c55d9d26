use std::time::Duration;

use brpc::{CallErrorKind, DisconnectReason, Event, Execution, ProtocolError, Socket};
use serde_json::Value;
use tokio::time::Instant;

use crate::support::peer::{DESCRIPTION, Fields, Hello, Peer, Writer, farewell, frame, kind};
use crate::support::settle;
use crate::support::worker::{ECHO, worker};

/// The code with which the hub ends the connection.
async fn farewell_of(peer: &mut Peer) -> u64 {
    peer.expect(kind::GOODBYE).await.fields().number()
}

/// Nothing is waited for, and the answer says the limit.
#[tokio::test(start_paused = true)]
async fn f03_a_frame_above_the_limit_is_refused_at_its_length() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let start = Instant::now();
    peer.send(&(1_u32 << 20).wrapping_add(1).to_be_bytes()).await;
    let goodbye = peer.expect(kind::GOODBYE).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    let mut fields = goodbye.fields();
    assert_eq!(fields.number(), farewell::PROTOCOL);
    assert!(fields.text().contains("the limit is 1048576"));
    assert_eq!(peer.frame().await, None);
}

/// Ids mean something on one connection only, and a guess costs whoever guesses.
#[tokio::test(start_paused = true)]
async fn f12_a_guessed_id_reaches_no_call_of_another_plugin() {
    let hub = Socket::default();
    let mut events = hub.events();
    let (mut asked, mut guessing) =
        (Peer::plugged(&hub, "asked").await, Peer::plugged(&hub, "guessing").await);
    let call = tokio::spawn(hub.call::<u8>("asked", "work", &()));
    let id = asked.call().await.id;
    guessing.reply(id, "6").await;
    assert_eq!(farewell_of(&mut guessing).await, farewell::PROTOCOL);
    settle().await;
    assert!(!call.is_finished());
    asked.reply(id, "7").await;
    assert_eq!(call.await.unwrap(), Ok(7));
    let reason = loop {
        if let Some(Event::Disconnected(plugin, reason)) = events.next().await {
            assert_eq!(plugin.name(), "guessing");
            break reason;
        }
    };
    assert_eq!(reason, DisconnectReason::Protocol(ProtocolError::UnknownCall));
}

/// A payload belongs to its call, so bytes that are no text fail that call and nothing else.
#[tokio::test(start_paused = true)]
async fn f17_a_payload_that_is_no_text_fails_its_call_alone() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let call = tokio::spawn(hub.call::<Value>("peer", "work", &()));
    let id = peer.call().await.id;
    let reply = Writer::default().number(id).raw(b"\"\xff\"").0;
    peer.send_frame(kind::REPLY, &reply).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InvalidOutput { .. }), "{error:?}");
    assert_eq!(error.execution(), Execution::Completed);
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()));
    let id = peer.call().await.id;
    peer.reply(id, "7").await;
    assert_eq!(call.await.unwrap(), Ok(7));

    // And a plugin's.
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let run =
        tokio::spawn(async move { worker("worker").0.serve(theirs).await.unwrap().run().await });
    let mut hub = Peer::new(ours);
    hub.let_in("worker").await;
    let call = |id: u64| Writer::default().number(id).number(ECHO).number(0).text("").number(0);
    let calls = [call(1).raw(b"\"\xff\"").0, call(2).raw(b"7").0];
    hub.send(&calls.map(|body| frame(kind::CALL, &body)).concat()).await;
    let failed = hub.expect(kind::FAILED).await;
    let mut fields = failed.fields();
    // Status 5: the input doesn't decode.
    assert_eq!((fields.number(), fields.byte()), (1, 5));
    assert_eq!(hub.expect(kind::REPLY).await.body, b"\x027");
    drop(hub);
    run.await.unwrap();
}

/// Whatever a plugin offers, what is agreed on is in the protocol's table of features.
#[tokio::test(start_paused = true)]
async fn f24_no_compression_can_be_agreed_on() {
    const HEARTBEATS: u64 = 1;
    const RESUMPTION: u64 = 2;
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello { features: u64::MAX, ..Hello::new("peer") }).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    peer.send_frame(kind::DESCRIBE, &DESCRIPTION).await;
    let welcome = peer.expect(kind::WELCOME).await;
    // Behind the versions.
    assert_eq!(Fields(&welcome.body[5..]).number(), HEARTBEATS | RESUMPTION);
}
