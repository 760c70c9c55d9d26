//! Plugins that never stop sending events.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use brpc::{CallErrorKind, Limits, Socket, Stage};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, ReadHalf};
use tokio::time::timeout;

use crate::support::ROOM;
use crate::support::peer::{Hello, Peer, frame, kind};

/// Has events to read as often as is asked for, whenever the peer sends nothing else.
struct Flood {
    stream: ReadHalf<DuplexStream>,
    /// How often there still are.
    left: Arc<AtomicUsize>,
    events: Vec<u8>,
}

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() || self.left.load(Ordering::Relaxed) == 0 {
            return read;
        }
        self.left.fetch_sub(1, Ordering::Relaxed);
        buffer.put_slice(&self.events);
        Poll::Ready(Ok(()))
    }
}

/// A stream with a flood to read, `left` times.
fn flood(
    stream: DuplexStream,
    left: Arc<AtomicUsize>,
    events: Vec<u8>,
) -> impl AsyncRead + AsyncWrite + Send + 'static {
    let (stream, writer) = tokio::io::split(stream);
    tokio::io::join(Flood { stream, left, events }, writer)
}

#[tokio::test(start_paused = true)]
async fn calls_go_out_while_events_come_in() {
    for events in [1, 10, 100] {
        let mut limits = Limits::default();
        (limits.event_credit, limits.event_credit_bytes) = (u32::MAX, u64::MAX);
        let hub = Socket::builder().limits(limits).build();
        let (ours, theirs) = tokio::io::duplex(ROOM);
        let left = Arc::new(AtomicUsize::new(0));
        let events = frame(kind::EVENT, b"1").repeat(events);
        hub.attach(flood(theirs, left.clone(), events));
        let mut peer = Peer::new(ours);
        peer.say_hello(&Hello::new("peer")).await;
        peer.hear_welcome().await;

        left.store(10_000, Ordering::Relaxed);
        let call = tokio::spawn(hub.call::<u8>("peer", "work", &1));
        let id = peer.call().await.id;
        assert!(left.load(Ordering::Relaxed) > 0, "the call waited for the last of the events");
        peer.reply(id, "2").await;
        assert_eq!(call.await.unwrap(), Ok(2));
        assert!(left.load(Ordering::Relaxed) > 0, "the answer waited for the last of the events");
        left.store(0, Ordering::Relaxed);
    }
}

/// The call is made when the connection is already never idle.
#[tokio::test(start_paused = true)]
async fn a_deadline_passes_while_events_come_in() {
    let mut limits = Limits::default();
    (limits.event_credit, limits.event_credit_bytes) = (u32::MAX, u64::MAX);
    let hub = Socket::builder().limits(limits).build();
    let (mut peer, left) = flooding(&hub, "peer").await;
    left.store(READS, Ordering::Relaxed);
    peer.send_frame(kind::EVENT, b"1").await;
    while left.load(Ordering::Relaxed) == READS {
        tokio::task::yield_now().await;
    }
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &1).timeout(Duration::from_secs(1)));
    peer.call().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(*error.kind(), CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    assert!(left.load(Ordering::Relaxed) > 0, "it waited for the last of the events");
    left.store(0, Ordering::Relaxed);
}

/// A peer that floods, and how often there still are events to read from it.
async fn flooding(hub: &Socket, name: &str) -> (Peer, Arc<AtomicUsize>) {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let left = Arc::new(AtomicUsize::new(0));
    let events = frame(kind::EVENT, b"1").repeat(100);
    hub.attach(flood(theirs, left.clone(), events));
    let mut peer = Peer::new(ours);
    peer.say_hello(&Hello::new(name)).await;
    peer.hear_welcome().await;
    (peer, left)
}

/// How often there are events to read from each peer: more than a test gets to.
const READS: usize = 10_000;

/// In a runtime with one thread, whatever is passed on in between delays the call.
#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_batch_and_not_for_one_of_each_plugin() {
    let mut limits = Limits::default();
    (limits.event_credit, limits.event_credit_bytes) = (u32::MAX, u64::MAX);
    let hub = Socket::builder().limits(limits).build();
    let mut quiet = Peer::plugged(&hub, "quiet").await;
    let mut floods = Vec::new();
    for number in 0..50 {
        floods.push(flooding(&hub, &format!("flood{number}")).await);
    }
    for (peer, left) in &mut floods {
        left.store(READS, Ordering::Relaxed);
        peer.send_frame(kind::EVENT, b"1").await;
    }
    let read =
        || floods.iter().map(|(_, left)| READS - left.load(Ordering::Relaxed)).sum::<usize>();
    for _ in 0..10 {
        let before = read();
        let quiet_call = tokio::spawn(hub.call::<u8>("quiet", "work", &1));
        let id = quiet.call().await.id;
        quiet.reply(id, "2").await;
        assert_eq!(quiet_call.await.unwrap(), Ok(2));
        let during = read() - before;
        assert!(during < 100, "{during} reads of 100 events delayed one call");
    }
    assert!(read() > 50, "they did flood");
    for (_, left) in &floods {
        left.store(0, Ordering::Relaxed);
    }
}

/// The subscriber blocks the thread on which it runs, while plugins that flood wait for their turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thread_that_a_subscriber_blocks_holds_up_no_call() {
    // Whose turn it is when the thread is blocked is a matter of chance.
    for _ in 0..5 {
        call_beside_a_blocked_thread().await;
    }
}

async fn call_beside_a_blocked_thread() {
    let mut limits = Limits::default();
    (limits.event_credit, limits.event_credit_bytes) = (u32::MAX, u64::MAX);
    let hub = Socket::builder().limits(limits).build();
    let mut floods = Vec::new();
    for number in 0..4 {
        floods.push(flooding(&hub, &format!("flood{number}")).await);
    }
    let mut events = hub.events();
    let (blocks, is_blocked) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let subscriber = tokio::spawn(async move {
        for _ in 0..500 {
            events.next().await;
        }
        blocks.send(()).unwrap();
        // Until the calls are over.
        let _ = released.recv();
    });
    for (peer, left) in &mut floods {
        left.store(100 * READS, Ordering::Relaxed);
        peer.send_frame(kind::EVENT, b"1").await;
    }
    is_blocked.await.unwrap();
    // Nobody answers: each call ends when its connection looks at its deadlines.
    for number in 0..floods.len() {
        let call = hub
            .call::<u8>(&format!("flood{number}"), "work", &1)
            .timeout(Duration::from_millis(100));
        let ended = timeout(Duration::from_mins(1), call).await.expect("the call ends");
        assert!(
            matches!(ended.as_ref().unwrap_err().kind(), CallErrorKind::DeadlineExceeded { .. }),
            "{ended:?}"
        );
    }
    drop(release);
    subscriber.await.unwrap();
    for (_, left) in &floods {
        left.store(0, Ordering::Relaxed);
    }
}
