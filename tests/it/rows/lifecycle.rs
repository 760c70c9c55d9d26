use std::collections::HashSet;
use std::future::IntoFuture as _;
use std::io;
use std::time::Duration;

use brpc::{CallErrorKind, DisconnectReason, Execution, Limits, Plugin, Scope, Socket, Stage};
use futures_util::poll;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};

use crate::support::peer::{Hello, Peer, Writer, kind, status};
use crate::support::worker::worker;
use crate::support::{eventually, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// The caller has its outcome in time, and the handler its place until it ends.
#[tokio::test(start_paused = true)]
async fn c06_a_handler_that_never_returns_keeps_its_place_and_not_its_caller() {
    let mut limits = Limits::default();
    limits.max_calls = 1;
    let hub = Socket::builder().limits(limits).build();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let call = hub.call::<()>("worker", "stay", &()).timeout(SECOND);
    assert_eq!(call.await.unwrap_err(), CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    eventually(|| journal.cancelled() == 1).await;
    let overloaded = CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None };
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await.unwrap_err(), overloaded);
    journal.release(1);
    eventually(|| journal.finished() == 1).await;
    settle().await;
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
}

/// It is the plugin's own: no call waits for it, and no end of one ends it.
#[tokio::test(start_paused = true)]
async fn c07_a_task_that_outlives_its_call_goes_on() {
    struct Spawner(mpsc::UnboundedSender<&'static str>);

    #[brpc::plugin]
    impl Spawner {
        pub fn start(&self) {
            let sender = self.0.clone();
            tokio::spawn(async move {
                tokio::time::sleep(10 * SECOND).await;
                sender.send("done").unwrap();
            });
        }
    }

    let hub = Socket::default();
    let (sender, mut done) = mpsc::unbounded_channel();
    let plugged = plug(&hub, &Plugin::new(Spawner(sender))).await;
    assert_eq!(hub.call::<()>("spawner", "start", &()).await, Ok(()));
    assert!(hub.unplug("spawner").await.unwrap().is_clean(), "nothing is in progress");
    plugged.end().await;
    assert!(done.try_recv().is_err());
    assert_eq!(done.recv().await, Some("done"));
}

#[tokio::test(start_paused = true)]
async fn c08_a_plugin_with_a_thousand_calls_is_unplugged_and_each_is_counted() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let (mut short, mut endless) = (JoinSet::new(), JoinSet::new());
    for _ in 0..600 {
        short.spawn(hub.call::<u64>("worker", "sleep", &2_000).timeout(None).into_future());
    }
    for _ in 0..400 {
        endless.spawn(hub.call::<()>("worker", "wait", &()).timeout(None).into_future());
    }
    eventually(|| journal.running() == 1_000).await;
    let unplugging = tokio::spawn(hub.unplug("worker").grace(5 * SECOND).into_future());
    settle().await;
    let error = hub.call::<()>("worker", "nothing", &()).await.unwrap_err();
    assert_eq!((error.kind(), error.execution()), (&CallErrorKind::Draining, Execution::Never));
    let report = unplugging.await.unwrap().unwrap();
    assert_eq!((report.finished, report.cut), (600, 400));
    assert!(short.join_all().await.into_iter().all(|answer| answer == Ok(2_000)));
    for answer in endless.join_all().await {
        let error = answer.unwrap_err();
        let (stage, reason) = (Stage::Sent, DisconnectReason::Unplugged);
        assert_eq!(error, CallErrorKind::Disconnected { stage, reason, generation: 1 });
        assert_eq!(error.execution(), Execution::Unknown);
    }
    assert_eq!(journal.started(), 1_000);
}

/// Whoever drops a call has nothing to do with what is written: while its frame is on its way, too.
#[tokio::test(start_paused = true)]
async fn c15_a_call_that_is_dropped_at_any_moment_leaves_whole_frames() {
    const SIZE: usize = 3_000;
    let hub = Socket::default();
    // A frame takes many writes.
    let mut peer = Peer::dial_with_room(&hub, 100);
    peer.say_hello(&Hello::new("peer")).await;
    peer.hear_welcome().await;
    let peer = tokio::spawn(async move {
        let (mut open, mut given_up) = (HashSet::new(), 0);
        loop {
            let frame = peer.frame().await.expect("it goes on");
            let id = frame.fields().number();
            match frame.kind {
                kind::CALL if frame.call().input == b"7" => {
                    assert!(open.is_empty());
                    peer.reply(id, "7").await;
                    return (peer, given_up);
                }
                kind::CALL => {
                    assert_eq!(frame.call().input.len(), SIZE + 2);
                    assert!(open.insert(id));
                }
                kind::CANCEL => {
                    assert!(open.remove(&id));
                    given_up += 1;
                    let failed = Writer::default().number(id).raw(&[status::CANCELLED, 0, 0]).0;
                    peer.send_frame(kind::FAILED, &failed).await;
                }
                other => panic!("{other}"),
            }
        }
    });
    let text = "x".repeat(SIZE);
    for polls in 0..150 {
        let mut call = Box::pin(hub.call::<u8>("peer", "work", &text).timeout(None).into_future());
        for _ in 0..polls {
            assert!(poll!(&mut call).is_pending());
            yield_now().await;
        }
        drop(call);
    }
    assert_eq!(hub.call::<u8>("peer", "work", &7).await, Ok(7));
    let (_peer, given_up) = peer.await.unwrap();
    assert!((50..150).contains(&given_up), "{given_up}: some were sent, and some taken back");
}

/// There is no second hub: a listener exists before a hub serves it, and the first goes on.
#[tokio::test]
async fn c26_an_address_in_use_is_an_error_before_there_is_a_hub() {
    let hub = Socket::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(hub.serve(listener));
    let error = TcpListener::bind(address).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let session = worker("worker").0.connect(address).await.unwrap();
    let run = tokio::spawn(session.run());
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
    hub.shutdown().await;
    assert!(run.await.unwrap().is_graceful());
}
