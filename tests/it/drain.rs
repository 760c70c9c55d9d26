//! Plugins that are asked to leave, or leave by themselves.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use brpc::{
    CallError, CallErrorKind, DisconnectReason, EndReason, Execution, Limits, Plugin, Socket,
    Stage, UnplugError,
};
use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, sleep};

use crate::support::peer::{Hello, Peer, Writer, farewell, frame, kind};
use crate::support::worker::{WAIT, worker};
use crate::support::{ROOM, eventually, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_idle_plugin_leaves_at_once_and_knows_why() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    let start = Instant::now();
    let report = hub.unplug("worker").trace("trace-1").await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((report.plugin.name(), report.plugin.generation()), ("worker", 1));
    assert_eq!(report.reason, DisconnectReason::Unplugged);
    assert_eq!((report.finished, report.cut, report.is_clean()), (0, 0, true));
    let end = plugged.end().await;
    assert_eq!(end, EndReason::Unplugged { trace: "trace-1".to_owned(), retry_after: None });
    assert!(end.is_graceful());
    assert!(hub.connected().is_empty());
}

/// However it goes: at once, after a call, and when it is cut off.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_unplugged_knows_whether_to_come_back() {
    for retry_after in [None, Some(Duration::ZERO), Some(2 * SECOND)] {
        for (grace, is_busy) in [(SECOND, false), (SECOND, true), (Duration::ZERO, true)] {
            let hub = Socket::default();
            let (plugin, journal) = worker("worker");
            let plugged = plug(&hub, &plugin).await;
            if is_busy {
                tokio::spawn(hub.call::<()>("worker", "wait", &()));
                eventually(|| journal.running() == 1).await;
            }
            let unplug = hub.unplug("worker").trace("t").grace(grace);
            match retry_after {
                Some(wait) => unplug.retry_after(wait).await.unwrap(),
                None => unplug.await.unwrap(),
            };
            let end = plugged.end().await;
            let EndReason::Unplugged { retry_after: told, .. } = end else { panic!("{end:?}") };
            assert_eq!(told, retry_after, "{grace:?} {is_busy}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_progress_finish_and_new_ones_are_refused() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let plugged = plug(&hub, &plugin).await;
    let mut calls = tokio::task::JoinSet::new();
    for seconds in 1..=5 {
        calls.spawn(hub.call::<u64>("worker", "sleep", &(1_000 * seconds)));
    }
    settle().await;
    let unplugging = tokio::spawn(hub.unplug("worker").into_future());
    settle().await;
    let error = hub.call::<()>("worker", "nothing", &()).await.unwrap_err();
    assert_eq!((error.kind(), error.execution()), (&CallErrorKind::Draining, Execution::Never));
    assert!(calls.join_all().await.into_iter().all(|result| result.is_ok()));
    let report = unplugging.await.unwrap().unwrap();
    assert_eq!((report.finished, report.cut, report.is_clean()), (5, 0, true));
    assert_eq!(journal.started(), 5);
    assert!(plugged.end().await.is_graceful());
}

#[tokio::test(start_paused = true)]
async fn when_the_grace_is_over_the_rest_is_cut() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let plugged = plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    let short = tokio::spawn(hub.call::<u64>("worker", "sleep", &2_000));
    eventually(|| journal.running() == 2).await;
    let start = Instant::now();
    let report = hub.unplug("worker").grace(5 * SECOND).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!((report.finished, report.cut, report.is_clean()), (1, 1, false));
    assert_eq!(short.await.unwrap(), Ok(2_000));
    let error = call.await.unwrap().unwrap_err();
    let (stage, reason) = (Stage::Sent, DisconnectReason::Unplugged);
    assert_eq!(error, CallErrorKind::Disconnected { stage, reason, generation: 1 });
    assert_eq!(error.execution(), Execution::Unknown);
    assert_eq!(
        plugged.end().await,
        EndReason::Unplugged { trace: String::new(), retry_after: None }
    );
    assert_eq!(journal.dropped(), 1);
}

/// Calls that have a place finish, since they may be sent already; those that wait for one are
/// refused.
#[tokio::test(start_paused = true)]
async fn calls_that_wait_for_a_place_are_refused() {
    let mut limits = Limits::default();
    limits.max_calls = 1;
    let hub = Socket::builder().limits(limits).build();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let first = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    settle().await;
    let waiting = tokio::spawn(hub.call::<()>("worker", "nothing", &()).queue());
    settle().await;
    let unplugging = tokio::spawn(hub.unplug("worker").into_future());
    assert_eq!(waiting.await.unwrap().unwrap_err(), CallErrorKind::Draining);
    journal.release(1);
    assert_eq!(first.await.unwrap(), Ok(()));
    assert!(unplugging.await.unwrap().unwrap().is_clean());
    assert_eq!(journal.started(), 1);
}

#[tokio::test(start_paused = true)]
async fn c09_asked_twice_the_shorter_grace_counts_and_both_are_told_the_same() {
    for graces in [[60, 5], [5, 60]] {
        let hub = Socket::default();
        plug(&hub, &worker("worker").0).await;
        let _call = tokio::spawn(hub.call::<()>("worker", "wait", &()).timeout(None));
        settle().await;
        let start = Instant::now();
        let [one, other] = graces
            .map(|grace| tokio::spawn(hub.unplug("worker").grace(grace * SECOND).into_future()));
        let (one, other) = (one.await.unwrap().unwrap(), other.await.unwrap().unwrap());
        assert_eq!(start.elapsed().as_secs(), 5);
        assert_eq!((one.cut, one.reason), (other.cut, other.reason));
    }
}

#[tokio::test(start_paused = true)]
async fn c09_nobody_is_unplugged_who_is_not_there() {
    let hub = Socket::default();
    let not_found = UnplugError::NotFound { name: "worker".to_owned() };
    assert_eq!(hub.unplug("worker").await.unwrap_err(), not_found);
    plug(&hub, &worker("worker").0).await;
    hub.unplug("worker").await.unwrap();
    // It is away.
    let report = hub.unplug("worker").await.unwrap();
    assert_eq!((report.reason, report.finished, report.cut), (DisconnectReason::Unplugged, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_unplugged_and_nobody_who_has_its_name_later() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let [first] = &hub.connected()[..] else { panic!() };
    let report = hub.unplug_instance(first).await.unwrap();
    assert!(report.is_clean() && report.plugin.generation() == first.generation());
    plug(&hub, &worker("worker").0).await;
    let not_found = UnplugError::NotFound { name: "worker".to_owned() };
    assert_eq!(hub.unplug_instance(first).await.unwrap_err(), not_found);
    assert_eq!(hub.connected().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn once_asked_a_plugin_leaves_though_nobody_waits_for_it() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    let asking = tokio::time::timeout(Duration::ZERO, hub.unplug("worker").into_future());
    let _ = asking.await;
    assert!(plugged.end().await.is_graceful());
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_does_not_react_is_cut_when_the_grace_is_over() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let start = Instant::now();
    let report = hub.unplug("peer").trace("why").grace(3 * SECOND).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!((report.reason, report.cut), (DisconnectReason::Unplugged, 0));
    assert!(report.overstayed && !report.is_clean());
    let drain = peer.expect(kind::DRAIN).await;
    let mut fields = drain.fields();
    assert_eq!((fields.number(), fields.number(), fields.text()), (1, 3_000, "why".to_owned()));
    let goodbye = peer.expect(kind::GOODBYE).await;
    assert_eq!(goodbye.fields().number(), farewell::UNPLUGGED);
    assert_eq!(peer.frame().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_gone_in_time_whatever_it_does() {
    let hub = Socket::default();
    // Has a full connection that it never reads.
    let unread = Peer::plugged(&hub, "unread").await;
    let text = "x".repeat(100_000);
    let calls = [(); 3].map(|()| hub.call::<()>("unread", "work", &text).timeout(None));
    let _calls = calls.map(tokio::spawn);
    // Reads and never answers, with callers that wait and without.
    let mute = Peer::plugged(&hub, "mute").await;
    let _call = tokio::spawn(hub.call::<()>("mute", "work", &()).timeout(None));
    let given_up = Peer::plugged(&hub, "given-up").await;
    assert!(hub.call::<()>("given-up", "work", &()).timeout(SECOND).await.is_err());
    // Sends half a frame.
    let mut dripping = Peer::plugged(&hub, "dripping").await;
    dripping.send(&[0, 0, 1]).await;
    // Doesn't stop sending events.
    let mut talking = Peer::plugged(&hub, "talking").await;
    let talk = tokio::spawn(async move {
        while talking.stream.write_all(&frame(kind::EVENT, b"1")).await.is_ok() {
            sleep(SECOND / 1_000).await;
        }
    });
    // Runs for ever.
    let busy = plug(&hub, &worker("busy").0).await;
    let _stays = tokio::spawn(hub.call::<()>("busy", "stay", &()).timeout(None));
    settle().await;
    // First those that are cut off for other reasons soon.
    for name in ["dripping", "unread", "mute", "given-up", "talking", "busy"] {
        let start = Instant::now();
        let report = hub.unplug(name).grace(3 * SECOND).await.unwrap();
        let took = start.elapsed();
        assert!(took <= 3 * SECOND + Duration::from_millis(250), "{name}: {took:?}");
        assert!(report.overstayed && report.reason == DisconnectReason::Unplugged, "{report:?}");
    }
    assert!(hub.connected().is_empty());
    talk.await.unwrap();
    drop((unread, mute, given_up, dripping, busy));
}

/// It would have no time to react.
#[tokio::test(start_paused = true)]
async fn without_grace_a_plugin_is_not_even_asked() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let report = hub.unplug("peer").grace(Duration::ZERO).await.unwrap();
    assert!(report.overstayed);
    let goodbye = peer.expect(kind::GOODBYE).await;
    assert_eq!(goodbye.fields().number(), farewell::UNPLUGGED);
}

/// Of what a plugin sends after the hub's goodbye, not all is read.
#[tokio::test(start_paused = true)]
async fn a_hub_that_has_said_goodbye_reads_a_little_more() {
    const ROOM: usize = 1_024;
    let hub = Socket::default();
    let mut peer = Peer::dial_with_room(&hub, ROOM);
    peer.say_hello(&Hello::new("peer")).await;
    peer.hear_welcome().await;
    hub.unplug("peer").grace(Duration::ZERO).await.unwrap();
    let mut taken = 0;
    while let Ok(count) = peer.stream.write(&[0; 100]).await {
        taken += count;
    }
    assert!((65_536..=65_536 + 2 * ROOM).contains(&taken), "{taken}");
}

/// The name of a plugin that says that it leaves, and stays, is free in the end.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_leaves_and_stays_loses_its_name() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    peer.send_frame(kind::LEAVE, &Writer::default().number(0).0).await;
    settle().await;
    assert_eq!(hub.call::<()>("peer", "work", &()).await.unwrap_err(), CallErrorKind::Draining);
    let goodbye = peer.expect(kind::GOODBYE).await;
    assert_eq!(goodbye.fields().number(), farewell::TOO_SLOW);
    let _successor = Peer::plugged(&hub, "peer").await;
}

#[tokio::test(start_paused = true)]
async fn a_plugin_stops_when_its_calls_have_ended() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let plugged = plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    eventually(|| journal.running() == 1).await;
    plugged.handle.stop(60 * SECOND);
    settle().await;
    assert_eq!(
        hub.call::<()>("worker", "nothing", &()).await.unwrap_err(),
        CallErrorKind::Draining
    );
    journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
    let handle = plugged.handle.clone();
    assert_eq!(plugged.end().await, EndReason::Stopped);
    assert!(hub.connected().is_empty());
    // It has ended, so this does nothing.
    handle.stop(SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_stops_at_the_latest_when_its_grace_is_over() {
    for graces in [&[5][..], &[60, 5], &[5, 60], &[0]] {
        let hub = Socket::default();
        let (plugin, journal) = worker("worker");
        let plugged = plug(&hub, &plugin).await;
        let call = tokio::spawn(hub.call::<()>("worker", "wait", &()));
        eventually(|| journal.running() == 1).await;
        let start = Instant::now();
        for grace in graces {
            plugged.handle.stop(*grace * SECOND);
        }
        assert_eq!(plugged.end().await, EndReason::Stopped);
        assert_eq!(start.elapsed().as_secs(), u64::from(*graces.iter().min().unwrap()));
        let error = call.await.unwrap().unwrap_err();
        let (stage, reason) = (Stage::Sent, DisconnectReason::Clean);
        assert_eq!(error, CallErrorKind::Disconnected { stage, reason, generation: 1 });
        assert_eq!(journal.dropped(), 1);
    }
}

/// A job of minutes doesn't keep its plugin from dialling again when the connection is lost.
#[tokio::test(start_paused = true)]
async fn a_run_ends_with_its_connection_and_what_still_runs_is_awaited_apart() {
    let (plugin, journal) = worker("worker");
    let mut handles = Vec::new();
    for running in 1..=2 {
        let hub = Socket::default();
        let plugged = plug(&hub, &plugin).await;
        tokio::spawn(hub.call::<()>("worker", "stay", &()).timeout(None));
        eventually(|| journal.running() == running).await;
        handles.push(plugged.handle.clone());
        drop(hub);
        assert!(matches!(plugged.end().await, EndReason::Shutdown { .. }));
        assert_eq!(journal.running(), running, "it runs on");
    }
    // The second run's job, and the first one's, in the order in which they were cancelled.
    for handle in handles {
        let mut finished = Box::pin(handle.finished());
        assert!(finished.as_mut().now_or_never().is_none());
        journal.release(1);
        finished.await;
    }
    assert_eq!((journal.finished(), journal.cancelled()), (2, 2));
}

/// Also a blocking one; and a run that is stopped by its own program.
#[tokio::test]
async fn a_blocking_method_outlives_its_run() {
    struct Builder {
        started: mpsc::Sender<()>,
        done: Mutex<mpsc::Receiver<()>>,
    }

    #[brpc::plugin]
    impl Builder {
        #[brpc(blocking)]
        pub fn build(&self) {
            self.started.send(()).unwrap();
            self.done.lock().unwrap().recv().unwrap();
        }
    }

    let (started, has_started) = mpsc::channel();
    let (finish, done) = mpsc::channel();
    let hub = Socket::default();
    let plugged = plug(&hub, &Plugin::new(Builder { started, done: Mutex::new(done) })).await;
    let call = tokio::spawn(hub.call::<()>("builder", "build", &()).timeout(None));
    eventually(|| has_started.try_recv().is_ok()).await;
    let handle = plugged.handle.clone();
    handle.stop(Duration::ZERO);
    assert_eq!(plugged.end().await, EndReason::Stopped);
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
    assert!(handle.finished().now_or_never().is_none());
    finish.send(()).unwrap();
    handle.finished().await;
}

/// Calls that were in flight when the plugin sent Leave never start, and the plugin says so.
#[tokio::test(start_paused = true)]
async fn c10_calls_that_a_leaving_plugin_does_not_start_are_never_run() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let calls = [(); 2].map(|()| tokio::spawn(hub.call::<u8>("peer", "work", &())));
    let first = peer.call().await.id;
    peer.call().await;
    peer.send_frame(kind::LEAVE, &Writer::default().number(first).0).await;
    let [one, two] = calls;
    assert_eq!(two.await.unwrap().unwrap_err(), CallErrorKind::Draining);
    peer.reply(first, "1").await;
    assert_eq!(one.await.unwrap(), Ok(1));
    peer.send_frame(kind::GOODBYE, &Writer::default().number(farewell::DONE).text("").0).await;
    eventually(|| hub.connected().is_empty()).await;
}

/// Unplugged while it leaves, it still ends well, and the hub may still cancel what it ignored.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_leaves_is_unplugged_too() {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let (plugin, journal) = worker("worker");
    let serving = tokio::spawn(async move { plugin.serve(theirs).await });
    let mut hub = Peer::new(ours);
    hub.let_in("worker").await;
    let session = serving.await.unwrap().unwrap();
    let handle = session.handle();
    let run = tokio::spawn(session.run());
    let call = |id| Writer::default().number(id).number(WAIT).number(0).text("").number(0).0;
    hub.send_frame(kind::CALL, &call(1)).await;
    eventually(|| journal.running() == 1).await;
    handle.stop(60 * SECOND);
    let leave = hub.expect(kind::LEAVE).await;
    assert_eq!(leave.fields().number(), 1);
    hub.send_frame(kind::CALL, &call(2)).await;
    let drain = Writer::default().raw(&[1]).number(1_000).text("trace").0;
    hub.send_frame(kind::DRAIN, &drain).await;
    hub.send_frame(kind::CANCEL, &Writer::default().number(2).0).await;
    settle().await;
    journal.release(2);
    let reply = hub.expect(kind::REPLY).await;
    assert_eq!(reply.fields().number(), 1);
    let goodbye = hub.expect(kind::GOODBYE).await;
    assert_eq!(goodbye.fields().number(), farewell::DONE);
    drop(hub);
    assert_eq!(
        run.await.unwrap(),
        EndReason::Unplugged { trace: "trace".to_owned(), retry_after: None }
    );
    assert_eq!(journal.started(), 1);
}

/// What a plugin sends before it closes is received, though the hub has something to write that
/// fails.
#[tokio::test(start_paused = true)]
async fn a_goodbye_is_heard_by_a_hub_that_is_writing() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let answered = tokio::spawn(hub.call::<u8>("peer", "work", &()));
    let id = peer.call().await.id;
    let mut events = hub.events();
    // More than the connection takes: the hub is writing it when the connection is closed.
    let call = hub.call::<Value>("peer", "work", &"x".repeat(2 * ROOM));
    let calling = tokio::spawn(call);
    settle().await;
    // More than is read at once: the write fails before the goodbye is read.
    peer.send_frame(kind::EVENT, " ".repeat(ROOM / 2).as_bytes()).await;
    peer.reply(id, "1").await;
    peer.send_frame(kind::LEAVE, &Writer::default().number(id).0).await;
    peer.send_frame(kind::GOODBYE, &Writer::default().number(farewell::DONE).text("").0).await;
    drop(peer);
    assert_eq!(answered.await.unwrap(), Ok(1));
    assert!(matches!(calling.await.unwrap().unwrap_err().kind(), CallErrorKind::Draining));
    assert!(matches!(events.next().await, Some(brpc::Event::Message(_))));
    let Some(brpc::Event::Disconnected(_, reason)) = events.next().await else { panic!() };
    assert_eq!(reason, DisconnectReason::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_with_what_it_is_told_to_wait_for() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let session = crate::support::open(&hub, &plugin).await.unwrap();
    let stop = tokio::time::sleep(SECOND);
    let run = tokio::spawn(session.run_until(stop, 5 * SECOND));
    let (short, long) =
        (hub.call::<u64>("worker", "sleep", &3_000), hub.call("worker", "wait", &()));
    let (short, long) = (tokio::spawn(short), tokio::spawn(long));
    let start = Instant::now();
    assert_eq!(run.await.unwrap(), EndReason::Stopped);
    assert_eq!(start.elapsed().as_secs(), 6, "the grace begins with the stop");
    assert_eq!(short.await.unwrap(), Ok(3_000));
    let long: Result<(), CallError> = long.await.unwrap();
    assert_eq!(long.unwrap_err().execution(), Execution::Unknown);
    assert_eq!(journal.dropped(), 1);
}
