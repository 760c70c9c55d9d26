//! The end of a hub: in time, whatever its plugins do.

use std::sync::Arc;
use std::time::Duration;

use brpc::{
    CallErrorKind, ConnectError, DisconnectReason, EndReason, MemoryListener, Plugin, RefusalCode,
    ServeError, Socket, Stage,
};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::peer::{Hello, PREFACE, Peer, kind, refusal};
use crate::support::worker::worker;
use crate::support::{LONG, eventually, open, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// How much later than its grace a shutdown may return.
const SLACK: Duration = Duration::from_millis(250);

#[tokio::test(start_paused = true)]
async fn a_hub_without_plugins_ends_at_once() {
    let hub = Socket::default();
    let start = Instant::now();
    assert!(hub.shutdown().await.plugins.is_empty());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn plugins_finish_and_the_report_says_how_each_went() {
    let hub = Socket::default();
    let one = plug(&hub, &worker("one").0).await;
    let two = plug(&hub, &worker("two").0).await;
    let quick = tokio::spawn(hub.call::<u64>("one", "sleep", &2_000));
    let slow = tokio::spawn(hub.call::<u64>("two", "sleep", &60_000).timeout(None));
    settle().await;
    let report = hub.shutdown().trace("trace-9").grace(5 * SECOND).spread(Duration::ZERO).await;
    assert!(!report.is_clean());
    let seen: Vec<_> = (report.plugins.iter())
        .map(|plugin| (plugin.plugin.name(), plugin.reason, plugin.finished, plugin.cut))
        .collect();
    let (left, forced) = (DisconnectReason::Shutdown, DisconnectReason::ShutdownForced);
    assert_eq!(seen, [("one", left, 1, 0), ("two", forced, 0, 1)]);
    assert_eq!(quick.await.unwrap(), Ok(2_000));
    let error = CallErrorKind::Disconnected { stage: Stage::Sent, reason: forced, generation: 2 };
    assert_eq!(slow.await.unwrap().unwrap_err(), error);
    let end =
        EndReason::Shutdown { trace: "trace-9".to_owned(), retry_after: Some(Duration::ZERO) };
    assert_eq!((one.end().await, two.end().await), (end.clone(), end));
}

#[tokio::test(start_paused = true)]
async fn h26_meanwhile_calls_are_refused_and_nobody_is_let_in() {
    let hub = Socket::default();
    let (connector, listener) = MemoryListener::new();
    let serving = hub.serve(listener);
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    // One that has sent Hello, and one that has not.
    let mut greeted = Peer::dial(&hub);
    greeted.say_hello(&Hello::new("late")).await;
    greeted.hear_preface().await;
    greeted.expect(kind::ACCEPTED).await;
    let silent = Peer::dial(&hub);
    settle().await;
    let shutdown = tokio::spawn(hub.shutdown().into_future());
    settle().await;
    let error = hub.call::<()>("worker", "nothing", &()).await.unwrap_err();
    assert_eq!(error, CallErrorKind::ShuttingDown);
    assert_eq!(greeted.refused_after_preface().await, refusal::SHUTTING_DOWN);
    assert_eq!(silent.refused().await, refusal::SHUTTING_DOWN);
    let Err(ConnectError::Refused(refused)) = open(&hub, &worker("late").0).await else { panic!() };
    assert_eq!(refused.code, RefusalCode::ShuttingDown);
    assert_eq!(refused.retry_after, Some(SECOND));
    assert!(connector.connect().await.is_err(), "nobody listens");
    serving.await.unwrap();
    let (_, listener) = MemoryListener::new();
    assert!(matches!(hub.serve(listener).await, Err(ServeError::ShuttingDown)));
    journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
    assert!(shutdown.await.unwrap().is_clean());
    let error = hub.call::<()>("worker", "nothing", &()).await.unwrap_err();
    assert_eq!(error, CallErrorKind::ShuttingDown);
}

#[tokio::test(start_paused = true)]
async fn c11_it_ends_in_time_whatever_the_plugins_do() {
    let grace = 5 * SECOND;
    let hub = Socket::default();
    // Has a full connection that it never reads.
    let unread = Peer::plugged(&hub, "unread").await;
    let text = "x".repeat(100_000);
    for _ in 0..3 {
        tokio::spawn(hub.call::<()>("unread", "work", &text).timeout(None));
    }
    // Reads and never answers; as one whose other half is gone.
    let half_open = Peer::plugged(&hub, "half-open").await;
    tokio::spawn(hub.call::<()>("half-open", "work", &()).timeout(None));
    // Sends half a frame.
    let mut dripping = Peer::plugged(&hub, "dripping").await;
    dripping.send(&[0, 0, 1]).await;
    // Are in their handshake, at all of its stages.
    let silent = Peer::dial(&hub);
    let mut begun = Peer::dial(&hub);
    begun.send(&PREFACE[..3]).await;
    let mut greeted = Peer::dial(&hub);
    greeted.say_hello(&Hello { digest: [0; 32], ..Hello::new("greeted") }).await;
    // Doesn't take as much as a refusal.
    let mut narrow = Peer::dial_with_room(&hub, 1);
    narrow.send(&PREFACE[..1]).await;
    // Runs for ever.
    let plugged = plug(&hub, &worker("busy").0).await;
    tokio::spawn(hub.call::<()>("busy", "stay", &()).timeout(None));
    settle().await;
    let start = Instant::now();
    let report = hub.shutdown().grace(grace).await;
    assert!(start.elapsed() <= grace + SLACK, "{:?}", start.elapsed());
    let seen: Vec<_> =
        report.plugins.iter().map(|plugin| (plugin.plugin.name(), plugin.cut)).collect();
    assert_eq!(seen, [("busy", 1), ("dripping", 0), ("half-open", 1), ("unread", 3)]);
    let forced = DisconnectReason::ShutdownForced;
    assert!(report.plugins.iter().all(|plugin| plugin.reason == forced));
    assert!(hub.connected().is_empty());
    drop((unread, half_open, dripping, silent, begun, greeted, narrow, plugged));
}

#[tokio::test(start_paused = true)]
async fn c12_asked_twice_the_shorter_grace_counts_and_both_get_the_same_report() {
    for graces in [[60, 5], [5, 60]] {
        let hub = Socket::default();
        plug(&hub, &worker("worker").0).await;
        let _call = tokio::spawn(hub.call::<()>("worker", "wait", &()).timeout(None));
        settle().await;
        let start = Instant::now();
        let [one, other] =
            graces.map(|grace| tokio::spawn(hub.shutdown().grace(grace * SECOND).into_future()));
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert!(start.elapsed() <= 5 * SECOND + SLACK);
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(one.plugins[0].cut, 1);
        let again = hub.shutdown().await;
        assert!(Arc::ptr_eq(&one, &again), "asked when it is over, it says how it went");
    }
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_though_nobody_waits_for_it() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    let _ = tokio::time::timeout(Duration::ZERO, hub.shutdown().into_future()).await;
    assert!(plugged.end().await.is_graceful());
    eventually(|| hub.connected().is_empty()).await;
    assert!(hub.shutdown().await.is_clean());
}

/// A plugin in the hub's own process that ends the hub: it can't wait for the end of its own call.
#[tokio::test(start_paused = true)]
async fn c12_a_handler_shuts_the_hub_down_that_calls_it() {
    struct Killer(Socket);

    #[brpc::plugin]
    impl Killer {
        #[brpc(no_cancel)]
        pub async fn shut_down(&self) -> usize {
            self.0.shutdown().grace(Duration::from_secs(5)).await.plugins.len()
        }

        pub fn shut_down_later(&self) {
            tokio::spawn(self.0.shutdown().into_future());
        }
    }

    for (method, is_clean) in [("shut_down", false), ("shut_down_later", true)] {
        let hub = Socket::default();
        let plugged = plug(&hub, &Plugin::new(Killer(hub.clone()))).await;
        let start = Instant::now();
        let called = hub.call::<()>("killer", method, &()).await;
        assert_eq!(called.is_ok(), is_clean, "{called:?}");
        assert_eq!(hub.shutdown().await.is_clean(), is_clean);
        assert!(start.elapsed() <= 5 * SECOND + SLACK);
        assert!(plugged.end().await.is_graceful());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_serves_again() {
    let hub = Socket::default();
    for generation in 1..=3 {
        let (connector, listener) = MemoryListener::new();
        let serving = hub.serve(listener);
        let mut events = hub.events();
        let (plugin, _) = worker("worker");
        let session = plugin.serve(connector.connect().await.unwrap()).await.unwrap();
        let run = tokio::spawn(session.run());
        assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
        assert_eq!(hub.connected()[0].generation(), generation);
        let report = hub.shutdown().await;
        assert_eq!((report.plugins.len(), report.is_clean()), (1, true));
        serving.await.unwrap();
        assert!(matches!(run.await.unwrap(), EndReason::Shutdown { .. }));
        let mut seen = 0;
        while let Some(_event) = events.next().await {
            seen += 1;
        }
        assert_eq!(seen, 2);
    }
}

/// Whoever shuts a hub down wants its port.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_port_is_free_afterwards() {
    let hub = Socket::default();
    let mut address = "127.0.0.1:0".parse().unwrap();
    for _ in 0..200 {
        let listener = std::net::TcpListener::bind(address).expect("the port is free");
        address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        hub.serve(TcpListener::from_std(listener).unwrap());
        hub.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_all_clocks_is_one() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    assert!(hub.unplug("worker").grace(Duration::MAX).await.unwrap().is_clean());
    plugged.end().await;
    assert!(tokio::time::timeout(LONG, hub.shutdown().grace(Duration::MAX)).await.is_ok());
}

/// Each plugin is told another time to come back, so that the next hub is not stormed.
#[tokio::test(start_paused = true)]
async fn the_plugins_return_is_spread() {
    for forced in [false, true] {
        let hub = Socket::default();
        let mut plugged = Vec::new();
        for number in 0..20 {
            plugged.push(plug(&hub, &worker(&format!("worker-{number}")).0).await);
        }
        if forced {
            drop(hub);
        } else {
            hub.shutdown().spread(SECOND).await;
        }
        let mut waits = Vec::new();
        for plugged in plugged {
            let EndReason::Shutdown { retry_after: Some(wait), .. } = plugged.end().await else {
                panic!()
            };
            waits.push(wait);
        }
        waits.sort();
        assert!(*waits.last().unwrap() <= if forced { SECOND / 50 } else { SECOND });
        waits.dedup();
        assert!(waits.len() > 3, "{waits:?}");
    }
}
