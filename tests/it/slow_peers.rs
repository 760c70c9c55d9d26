//! Peers that read or send too slowly, or just slowly.

use std::time::Duration;

use brpc::{
    CallErrorKind, DisconnectReason, EndReason, Event, Execution, Limits, Plugin, Socket, Stage,
};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep, timeout};

use crate::support::peer::{Hello, Peer, Writer, farewell, frame, kind};
use crate::support::worker::{TEXT, worker};
use crate::support::{LONG, ROOM, eventually, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// A registered peer whose connection holds so many bytes.
async fn plugged_with_room(hub: &Socket, room: usize) -> Peer {
    let mut peer = Peer::dial_with_room(hub, room);
    peer.say_hello(&Hello::new("peer")).await;
    peer.hear_welcome().await;
    peer
}

async fn disconnected(events: &mut brpc::Events) -> DisconnectReason {
    loop {
        let event = timeout(LONG, events.next()).await.expect("it is cut off").unwrap();
        if let Event::Disconnected(_, reason) = event {
            return reason;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_reads_nothing_is_cut_off() {
    let hub = Socket::default();
    let mut events = hub.events();
    let _unread = plugged_with_room(&hub, 1_000).await;
    plug(&hub, &worker("worker").0).await;
    let text = "x".repeat(300_000);
    let calls = [(); 2].map(|()| tokio::spawn(hub.call::<()>("peer", "work", &text)));
    settle().await;
    let start = Instant::now();
    let [sent, queued] = calls;
    let stalled = |stage| CallErrorKind::Disconnected {
        stage,
        reason: DisconnectReason::SlowConsumer,
        generation: 1,
    };
    assert_eq!(sent.await.unwrap().unwrap_err(), stalled(Stage::Sent));
    assert_eq!(queued.await.unwrap().unwrap_err(), stalled(Stage::Queued), "it was never sent");
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(disconnected(&mut events).await, DisconnectReason::SlowConsumer);
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1), "the others go on");
}

#[tokio::test(start_paused = true)]
async fn the_window_can_be_set() {
    let mut limits = Limits::default();
    limits.stall_window = 3 * SECOND;
    let hub = Socket::builder().limits(limits).build();
    let _unread = plugged_with_room(&hub, 1_000).await;
    let start = Instant::now();
    let error = hub.call::<()>("peer", "work", &"x".repeat(10_000)).await.unwrap_err();
    assert!(error.is_disconnected());
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn l02_a_plugin_that_reads_a_trickle_is_cut_off() {
    let hub = Socket::default();
    let mut events = hub.events();
    let mut peer = plugged_with_room(&hub, 1_000).await;
    let _call = tokio::spawn(hub.call::<()>("peer", "work", &"x".repeat(100_000)).timeout(None));
    let reading = tokio::spawn(async move {
        while peer.stream.read_u8().await.is_ok() {
            sleep(SECOND / 10).await;
        }
    });
    assert_eq!(disconnected(&mut events).await, DisconnectReason::SlowConsumer);
    reading.abort();
}

/// 64 kbit/s, over which this call takes more than two minutes.
#[tokio::test(start_paused = true)]
async fn a_plugin_on_a_slow_link_is_not_cut_off() {
    let hub = Socket::default();
    let mut peer = plugged_with_room(&hub, 1_000).await;
    let size = (1 << 20) - 100;
    let call = hub.call::<u8>("peer", "work", &"x".repeat(size)).timeout(None);
    let call = tokio::spawn(call);
    let start = Instant::now();
    let mut piece = [0; 800];
    let mut left = size;
    while left > 800 {
        sleep(SECOND / 10).await;
        left = left.saturating_sub(peer.stream.read(&mut piece).await.unwrap());
    }
    assert!(start.elapsed() > 120 * SECOND);
    peer.reply(1, "7").await;
    assert_eq!(call.await.unwrap(), Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_does_not_end_its_frame_is_cut_off() {
    let hub = Socket::default();
    let mut events = hub.events();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let start = Instant::now();
    peer.send(&[0, 0, 0, 100, kind::EVENT, b'"']).await;
    assert_eq!(disconnected(&mut events).await, DisconnectReason::SlowSender);
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(peer.expect(kind::GOODBYE).await.fields().number(), farewell::TOO_SLOW);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_has_nothing_to_say_is_not_slow() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    sleep(3_600 * SECOND).await;
    assert!(!plugged.run.is_finished());
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn f02_a_plugin_that_ends_inside_a_frame() {
    let hub = Socket::default();
    let mut events = hub.events();
    for (bytes, reason) in [
        (&[0, 0, 0, 100, kind::EVENT][..], DisconnectReason::MidFrame),
        (&[0, 0][..], DisconnectReason::MidFrame),
        (&[][..], DisconnectReason::Unclean),
    ] {
        let mut peer = Peer::plugged(&hub, "peer").await;
        let call = tokio::spawn(hub.call::<u8>("peer", "work", &()).timeout(None));
        peer.call().await;
        peer.send(bytes).await;
        drop(peer);
        assert_eq!(disconnected(&mut events).await, reason);
        assert_eq!(call.await.unwrap().unwrap_err().execution(), Execution::Unknown);
    }
}

/// A worker, and the hub that registered it, over a connection that holds so many bytes.
async fn worker_of_a_raw_hub(room: usize) -> (Peer, tokio::task::JoinHandle<EndReason>) {
    let (ours, theirs) = tokio::io::duplex(room);
    let (plugin, _): (Plugin<_>, _) = worker("worker");
    let run = tokio::spawn(async move { plugin.serve(theirs).await.unwrap().run().await });
    let mut hub = Peer::new(ours);
    hub.let_in("worker").await;
    (hub, run)
}

/// Its last answer takes longer to be written than the closing of a connection may take.
#[tokio::test(start_paused = true)]
async fn the_last_answer_of_a_plugin_that_leaves_arrives_over_a_slow_link() {
    let (mut hub, run) = worker_of_a_raw_hub(1_000).await;
    let call = Writer::default().number(1).number(TEXT).number(0).text("").number(0);
    let drain = Writer::default().raw(&[1]).number(60_000).text("").0;
    // In one piece, so that only the Goodbye follows the answer.
    hub.send(&[frame(kind::CALL, &call.raw(b"50000").0), frame(kind::DRAIN, &drain)].concat())
        .await;
    let mut bytes = Vec::new();
    let mut piece = [0; 8_000];
    loop {
        sleep(SECOND / 10).await;
        match hub.stream.read(&mut piece).await.unwrap() {
            0 => break,
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
    // The reply with its id and its quotes, then the goodbye.
    let (reply, goodbye) = bytes.split_at(4 + 2 + 50_002);
    assert_eq!((reply[4], reply[5]), (kind::REPLY, 1));
    assert_eq!(goodbye, [0, 0, 0, 3, kind::GOODBYE, 1, 0]);
    drop(hub);
    assert!(run.await.unwrap().is_graceful());
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_reads_nothing_loses_its_plugin() {
    let (mut hub, run) = worker_of_a_raw_hub(1_000).await;
    let call = Writer::default().number(1).number(TEXT).number(0).text("").number(0);
    hub.send_frame(kind::CALL, &call.raw(b"200000").0).await;
    let start = Instant::now();
    assert_eq!(run.await.unwrap(), EndReason::Lost(DisconnectReason::SlowConsumer));
    // And the time that the goodbye gets.
    assert!((10..=12).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn many_large_calls_wait_their_turn() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let (ours, theirs) = tokio::io::duplex(ROOM);
    hub.attach(theirs);
    let session = plugin.serve(ours).await.unwrap();
    let text = "x".repeat(500_000);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        calls.spawn(hub.call::<String>("worker", "echo", &text));
    }
    settle().await;
    tokio::spawn(session.run());
    let answers = calls.join_all().await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    // 4 MiB may be unsent.
    assert!(done.len() >= 8 && !refused.is_empty());
    assert!(refused.iter().all(|result| matches!(
        result.as_ref().unwrap_err().kind(),
        CallErrorKind::Overloaded { .. }
    )));
    eventually(|| journal.finished() == done.len()).await;
}
