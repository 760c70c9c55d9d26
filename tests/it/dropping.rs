//! What ends when its handle is dropped, or the runtime below it.

use std::future::Future as _;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use brpc::{
    AsyncHook, CallErrorKind, ConnectError, DisconnectReason, EndReason, Event, Execution, Limits,
    MemoryListener, Plugin, RefusalCode, Socket, Stage,
};
use tokio::time::timeout;

use crate::support::worker::worker;
use crate::support::{LONG, ROOM, eventually, open, plug, settle};

#[tokio::test(start_paused = true)]
async fn c13_the_last_socket_ends_the_hub() {
    let hub = Socket::default();
    let (connector, listener) = MemoryListener::new();
    let serving = hub.serve(listener);
    let (plugin, journal) = worker("worker");
    let plugged = plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()).timeout(None));
    eventually(|| journal.running() == 1).await;
    drop(hub.clone());
    settle().await;
    assert!(!call.is_finished() && !plugged.run.is_finished(), "it was not the last");
    drop(hub);
    let error = timeout(LONG, call).await.unwrap().unwrap().unwrap_err();
    let (stage, reason) = (Stage::Sent, DisconnectReason::ShutdownForced);
    assert_eq!(error, CallErrorKind::Disconnected { stage, reason, generation: 1 });
    assert!(matches!(plugged.end().await, EndReason::Shutdown { .. }));
    assert!(serving.await.is_ok());
    assert!(connector.connect().await.is_err(), "the listener is closed");
    assert_eq!(journal.dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_and_broadcasts_do_not_keep_the_hub() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    let prepared = hub.call::<()>("worker", "nothing", &());
    let broadcast = hub.broadcast::<()>("nothing", &());
    let unplug = hub.unplug("worker");
    drop(hub);
    plugged.end().await;
    let error = prepared.await.unwrap_err();
    assert_eq!((error.kind(), error.execution()), (&CallErrorKind::ShuttingDown, Execution::Never));
    assert!(broadcast.collect().await.is_empty());
    assert_eq!(unplug.await.unwrap().reason, DisconnectReason::ShutdownForced, "it is away");
}

/// At the moment of the end the connection is closed, and not yet forgotten.
#[tokio::test(start_paused = true)]
async fn a_call_right_after_the_end_names_its_connection() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &worker("worker").0).await;
    let call = hub.call::<()>("worker", "nothing", &());
    drop(hub);
    let (stage, reason) = (Stage::Queued, DisconnectReason::ShutdownForced);
    assert_eq!(
        call.await.unwrap_err(),
        CallErrorKind::Disconnected { stage, reason, generation: 1 }
    );
}

#[tokio::test(start_paused = true)]
async fn one_who_says_hello_when_the_hub_ends_is_refused() {
    let hub = Socket::default();
    let (ours, theirs) = tokio::io::duplex(ROOM);
    hub.attach(theirs);
    drop(hub);
    let refused = worker("worker").0.serve(ours).await;
    match refused {
        Err(ConnectError::Refused(refusal)) => {
            assert_eq!(refusal.code, RefusalCode::ShuttingDown);
        }
        Err(ConnectError::Lost(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_goes_on_without_the_socket() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    let shutdown = hub.shutdown();
    drop(hub);
    timeout(LONG, shutdown).await.expect("it ends");
    plugged.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_ends_its_connection() {
    let hub = Socket::default();
    let mut events = hub.events();
    let session = open(&hub, &worker("worker").0).await.unwrap();
    assert!(matches!(events.next().await, Some(Event::Connected(_))));
    let call = tokio::spawn(hub.call::<()>("worker", "nothing", &()).timeout(None));
    settle().await;
    drop(session);
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
    let Some(Event::Disconnected(_, reason)) = events.next().await else { panic!() };
    assert_eq!(reason, DisconnectReason::Unclean, "as when its process was killed");
}

#[tokio::test(start_paused = true)]
async fn handlers_are_dropped_with_their_run() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let plugged = plug(&hub, &plugin).await;
    let _call = tokio::spawn(hub.call::<()>("worker", "wait", &()).timeout(None));
    eventually(|| journal.running() == 1).await;
    plugged.kill().await;
    settle().await;
    assert_eq!(journal.dropped(), 1);
}

/// A handle and a hook keep nothing alive.
#[tokio::test(start_paused = true)]
async fn a_handle_of_what_has_ended_does_nothing() {
    let hub = Socket::default();
    let session = open(&hub, &worker("worker").0).await.unwrap();
    let handle = session.handle();
    drop(session);
    handle.stop(Duration::ZERO);
    assert_eq!(format!("{handle:?}"), "Handle { is_alive: false, .. }");
}

struct Holder {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Holder {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    pub fn nothing(&self) {}
}

/// A hook lives in the receiver, so it must not keep the connection that keeps the receiver.
#[tokio::test(start_paused = true)]
async fn a_receiver_goes_with_its_plugin() {
    let hub = Socket::default();
    let plugin = Plugin::new(Holder { hook: AsyncHook::default() });
    let receiver = std::sync::Arc::downgrade(plugin.receiver());
    let plugged = plug(&hub, &plugin).await;
    drop(plugin);
    assert!(receiver.upgrade().is_some(), "it runs");
    plugged.kill().await;
    settle().await;
    assert!(receiver.upgrade().is_none());
}

/// Whatever is alive when its runtime goes: its destructors don't panic.
#[test]
fn c14_the_runtime_is_dropped_with_all_alive() {
    for is_threaded in [false, true] {
        let runtime = if is_threaded {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
        } else {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        };
        let runtime = runtime.unwrap();
        let hub = Socket::default();
        let (plugin, journal) = worker("worker");
        let (call, events, shutdown) = runtime.block_on(async {
            hub.on_disconnect(|_, _| {});
            let (_, listener) = MemoryListener::new();
            drop(hub.serve(listener));
            let _plugged = plug(&hub, &plugin).await;
            let call = hub.call::<()>("worker", "wait", &()).timeout(None);
            tokio::spawn(hub.call::<()>("worker", "stay", &()).timeout(None));
            eventually(|| journal.running() == 1).await;
            (call, hub.events().wait(), hub.shutdown())
        });
        drop(runtime);
        assert_eq!(journal.running(), 0);
        assert!(hub.connected().is_empty());
        drop((call, events, shutdown, plugin, hub));
    }
}

/// Whatever the tasks of the connection are doing: events that the driver has taken still reach the
/// owner.
#[test]
fn no_caller_waits_for_a_runtime_that_is_gone() {
    // More than the driver passes on at once.
    const CALLS: usize = 1_500;
    let mut limits = Limits::default();
    limits.max_calls = CALLS;
    // One step is one poll of one task.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().event_interval(1);
    for steps in 0..30 {
        let runtime = builder.build().unwrap();
        let hub = Socket::builder().limits(limits.clone()).build();
        let (plugin, journal) = worker("worker");
        let call = |_| Box::pin(hub.call::<()>("worker", "wait", &()).timeout(None));
        let mut calls: Vec<_> = (0..CALLS).map(call).collect();
        let mut context = Context::from_waker(Waker::noop());
        runtime.block_on(async {
            let _plugged = plug(&hub, &plugin.limits(limits.clone())).await;
            for call in &mut calls {
                assert!(call.as_mut().poll(&mut context).is_pending());
            }
            eventually(|| journal.running() == CALLS).await;
            journal.release(CALLS);
            eventually(|| journal.finished() == CALLS).await;
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
        });
        drop(runtime);
        let ends = calls.iter_mut().map(|call| call.as_mut().poll(&mut context));
        assert_eq!(ends.filter(Poll::is_pending).count(), 0, "after {steps} steps");
    }
}
