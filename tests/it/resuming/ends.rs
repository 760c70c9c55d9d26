//! How a call ends that is suspended, and doesn't go on.

use std::future::IntoFuture as _;
use std::pin::pin;
use std::time::Duration;

use brpc::middleware::plugin::{Incoming, Middleware, Next};
use brpc::{
    Answer, CallErrorKind, CancelHandle, DisconnectReason, Execution, Plugin, Socket, Stage,
};
use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};

use super::{Staying, made};
use crate::support::peer::{Hello, Peer};
use crate::support::worker::worker;
use crate::support::{LONG, eventually, plug};

const SECOND: Duration = Duration::from_secs(1);

fn wait(hub: &Socket) -> brpc::Call<()> {
    hub.call::<()>("worker", "wait", &()).resumable(LONG).timeout(None)
}

/// Its caller is gone; the plugin learns that when it is back.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_or_cancelled_meanwhile_does_not_go_on() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let dropped = made(wait(&hub));
    let mut cancelled = wait(&hub);
    let handle: CancelHandle = cancelled.cancel_handle();
    let cancelled = made(cancelled);
    eventually(|| staying.journal.started() == 2).await;
    staying.leave(&hub).await;
    dropped.abort();
    handle.cancel();
    let error = cancelled.await.unwrap().unwrap_err();
    assert_eq!(*error.kind(), CallErrorKind::Cancelled { stage: Stage::Sent });
    assert_eq!(staying.journal.running(), 2);
    staying.come_back(&hub).await;
    eventually(|| staying.journal.dropped() == 2).await;
    assert_eq!(hub.call::<u64>("worker", "echo", &1).await, Ok(1));
}

/// Also after it has gone on: a cancel finds it where it is.
#[tokio::test(start_paused = true)]
async fn a_call_that_went_on_can_be_cancelled() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let mut call = wait(&hub);
    let handle = call.cancel_handle();
    let (cancelled, dropped) = (made(call), made(wait(&hub)));
    eventually(|| staying.journal.started() == 2).await;
    staying.leave(&hub).await;
    staying.come_back(&hub).await;
    // So that both have gone on.
    assert_eq!(hub.call::<u64>("worker", "echo", &1).await, Ok(1));
    handle.cancel();
    dropped.abort();
    assert_eq!(cancelled.await.unwrap().unwrap_err().execution(), Execution::Unknown);
    eventually(|| staying.journal.dropped() == 2).await;
}

/// On time at the hub, and at the plugin, which nobody tells.
#[tokio::test(start_paused = true)]
async fn a_deadline_passes_meanwhile() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let begun = Instant::now();
    let call = made(wait(&hub).timeout(100 * SECOND));
    eventually(|| staying.journal.started() == 1).await;
    staying.leave(&hub).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(*error.kind(), CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    assert_eq!(begun.elapsed().as_secs(), 100);
    eventually(|| staying.journal.dropped() == 1).await;
    assert!(begun.elapsed() < 101 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_window_is_over_before_the_plugin_is_back() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let call = made(wait(&hub).resumable(60 * SECOND));
    eventually(|| staying.journal.started() == 1).await;
    let begun = Instant::now();
    staying.leave(&hub).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.is_disconnected() && error.execution() == Execution::Unknown, "{error}");
    assert_eq!(begun.elapsed().as_secs(), 60);
    eventually(|| staying.journal.dropped() == 1).await;
    staying.come_back(&hub).await;
    assert_eq!(hub.call::<u64>("worker", "echo", &1).await, Ok(1));
}

/// Nobody can come back to a hub that shuts down, so they end at once, and are counted.
#[tokio::test(start_paused = true)]
async fn a_shutdown_counts_calls_whose_plugin_is_away() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let calls = [made(wait(&hub)), made(wait(&hub))];
    eventually(|| staying.journal.started() == 2).await;
    staying.leave(&hub).await;
    let report = hub.shutdown().grace(SECOND).await;
    let [plugin] = &report.plugins[..] else { panic!("{report:?}") };
    assert_eq!((plugin.plugin.name(), plugin.cut), ("worker", 2));
    assert!(!report.is_clean());
    for call in calls {
        assert!(call.await.unwrap().unwrap_err().is_disconnected());
    }
}

/// Whatever waits for a plugin that is away, or for the decision about a name, and whoever dials
/// meanwhile, over and over.
#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_in_time_whoever_is_awaited() {
    for grace in [Duration::ZERO, SECOND] {
        let hub = Socket::default();
        let staying = Staying::start(&hub).await;
        let suspended = made(wait(&hub));
        eventually(|| staying.journal.started() == 1).await;
        staying.leave(&hub).await;
        let waiting = hub.call::<()>("nobody", "work", &()).timeout(None).wait_for_plugin(LONG);
        let waiting = made(waiting);
        // Has heartbeats, and gives no sign of life when another one asks for its name.
        let holder = Peer::plugged_as(&hub, &Hello::new("held").heartbeats()).await;
        let held = made(hub.call::<()>("held", "work", &()).timeout(None));
        let mut asking = Peer::dial(&hub);
        asking.say_hello(&Hello::new("held").instance(8)).await;
        // Dials again at once, whatever it is told.
        let restless = tokio::spawn({
            let hub = hub.clone();
            async move {
                loop {
                    let mut peer = Peer::dial(&hub);
                    peer.say_hello(&Hello::new("restless")).await;
                    sleep(Duration::from_millis(1)).await;
                }
            }
        });
        sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        let report = hub.shutdown().grace(grace).await;
        assert!(begun.elapsed() <= grace + Duration::from_millis(250), "{:?}", begun.elapsed());
        let cut =
            |name: &str| report.plugins.iter().any(|it| it.plugin.name() == name && it.cut == 1);
        assert!(cut("worker") && cut("held"), "{report:?}");
        restless.abort();
        assert!(suspended.await.unwrap().unwrap_err().is_disconnected());
        assert!(held.await.unwrap().unwrap_err().is_disconnected());
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error, CallErrorKind::ShuttingDown);
        drop((holder, asking));
    }
}

#[tokio::test(start_paused = true)]
async fn unplugging_a_plugin_that_is_away_ends_its_calls() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let call = made(wait(&hub));
    eventually(|| staying.journal.started() == 1).await;
    staying.leave(&hub).await;
    assert_eq!(hub.unplug("worker").await.unwrap().cut, 1);
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
    assert_eq!(hub.unplug("worker").await.unwrap().cut, 0, "none is left");
}

/// A plugin that leaves on purpose answers its calls, or they end as without all this.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_stopped_keeps_nothing() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let call = made(wait(&hub));
    eventually(|| staying.journal.started() == 1).await;
    staying.handle.stop(SECOND);
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
    eventually(|| staying.journal.dropped() == 1).await;
}

/// It has its grace period for it.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_stopped_while_it_is_away_comes_back_to_finish() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let (runs, answered) = (made(wait(&hub)), made(wait(&hub)));
    eventually(|| staying.journal.started() == 2).await;
    staying.leave(&hub).await;
    staying.journal.release(1);
    eventually(|| staying.journal.finished() == 1).await;
    staying.handle.stop(100 * SECOND);
    tokio::time::sleep(SECOND).await;
    assert_eq!(staying.journal.running(), 1);
    staying.may_dial.store(true, std::sync::atomic::Ordering::SeqCst);
    let journal = staying.journal.clone();
    tokio::spawn(async move {
        tokio::time::sleep(60 * SECOND).await;
        journal.release(1);
    });
    // In either order.
    assert_eq!((runs.await.unwrap(), answered.await.unwrap()), (Ok(()), Ok(())));
    staying.handle.finished().await;
    assert!(hub.connected().is_empty());
    assert_eq!((staying.journal.started(), staying.journal.dropped()), (2, 0));
}

/// There is nothing to finish.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_stopped_while_it_is_away_ends_when_its_calls_have() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let _call = made(wait(&hub).resumable(20 * SECOND));
    eventually(|| staying.journal.started() == 1).await;
    let begun = Instant::now();
    staying.leave(&hub).await;
    staying.handle.stop(Duration::MAX);
    staying.handle.finished().await;
    assert_eq!(begun.elapsed().as_secs(), 20);
    assert_eq!(staying.journal.dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_stopped_while_it_is_away_keeps_nothing() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let _call = made(wait(&hub));
    eventually(|| staying.journal.started() == 1).await;
    staying.leave(&hub).await;
    staying.handle.stop(SECOND);
    staying.handle.finished().await;
    assert_eq!(staying.journal.dropped(), 1);
}

/// Another one has the name: who called the first one doesn't get to the second.
#[tokio::test(start_paused = true)]
async fn another_instance_of_the_name_ends_the_calls() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let call = made(wait(&hub));
    eventually(|| staying.journal.started() == 1).await;
    staying.leave(&hub).await;
    let (other, journal) = worker("worker");
    let _other = plug(&hub, &other).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.is_disconnected() && error.execution() == Execution::Unknown);
    assert_eq!(journal.started(), 0);
}

/// One that doesn't stay connected by itself: as without all this.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_connected_by_hand_keeps_nothing() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let plugged = plug(&hub, &plugin).await;
    let call = made(wait(&hub));
    eventually(|| journal.started() == 1).await;
    plugged.kill().await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown);
    let CallErrorKind::Disconnected { stage: Stage::Sent, reason, .. } = error.kind() else {
        panic!("{error}")
    };
    assert_ne!(*reason, DisconnectReason::Replaced);
    eventually(|| journal.dropped() == 1).await;
}

struct Through;

impl Middleware<Incoming> for Through {
    async fn handle(&self, call: Incoming, next: Next) -> Answer {
        next.run(call).await
    }
}

/// Middleware on both sides sees one call.
#[tokio::test(start_paused = true)]
async fn a_call_goes_on_that_passes_middleware() {
    let (plugin, journal) = worker("worker");
    let plugin: Plugin<_> = plugin.middleware(Through);
    let hub = Socket::default();
    let staying = Staying::of(&hub, plugin, journal).await;
    let call = made(wait(&hub));
    eventually(|| staying.journal.started() == 1).await;
    staying.leave(&hub).await;
    staying.come_back(&hub).await;
    staying.journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
    assert_eq!((staying.journal.started(), staying.journal.dropped()), (1, 0));
}

/// A runtime that ends drops tasks as soon as it is given them: also the one that is to end suspended
/// calls in time.
#[test]
fn a_runtime_ends_before_it_is_known_that_a_connection_is_lost() {
    let (ended, has_ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // It looks at its main future after each task.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .event_interval(1)
            .build()
            .unwrap();
        let hub = Socket::default();
        let mut call = pin!(wait(&hub).into_future());
        runtime.block_on(async {
            let (plugin, journal) = worker("worker");
            let dial = || {
                let hub = hub.clone();
                move || {
                    let (ours, theirs) = tokio::io::duplex(1024);
                    hub.attach(theirs);
                    async { Ok(ours) }
                }
            };
            tokio::spawn(plugin.run_over(dial()).into_future());
            hub.wait_for("worker", LONG).await.unwrap();
            let first = hub.connected();
            assert!((&mut call).now_or_never().is_none());
            eventually(|| journal.started() == 1).await;
            // The same plugin takes its own name.
            tokio::spawn(plugin.run_over(dial()).into_future());
            while hub.connected() == first {
                tokio::task::yield_now().await;
            }
        });
        drop(runtime);
        ended.send(call.now_or_never()).unwrap();
    });
    let outcome = has_ended.recv_timeout(Duration::from_secs(10)).expect("the runtime has ended");
    let error = outcome.expect("the call has ended").unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown);
}
