//! Cancelling calls: by dropping them, by a handle, by their deadline; and what handlers see of it.

use std::time::Duration;

use brpc::{CallErrorKind, Context, Execution, Limits, Plugin, Scope, Socket, Stage};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::peer::{Peer, Writer, kind, status};
use crate::support::worker::worker;
use crate::support::{eventually, plug, settle};

const SENT: CallErrorKind = CallErrorKind::Cancelled { stage: Stage::Sent };
const QUEUED: CallErrorKind = CallErrorKind::Cancelled { stage: Stage::Queued };
const OVERLOADED: CallErrorKind =
    CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None };

fn hub_with_places(places: usize) -> Socket {
    let mut limits = Limits::default();
    limits.max_calls = places;
    Socket::builder().limits(limits).build()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_polled_is_never_made() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    drop(hub.call::<()>("worker", "nothing", &()));
    settle().await;
    assert_eq!(journal.started(), 0);
}

/// As with a caller that calls and drops in a loop: the plugin gets the cancels, and never has more
/// calls to run than was agreed on.
#[tokio::test(start_paused = true)]
async fn l27_a_call_that_is_dropped_keeps_its_place_until_the_plugin_confirms() {
    let hub = hub_with_places(1);
    let mut peer = Peer::plugged(&hub, "peer").await;
    let call = hub.call::<()>("peer", "work", &());
    timeout(Duration::from_secs(1), call).await.unwrap_err();
    let id = peer.call().await.id;
    let cancel = peer.expect(kind::CANCEL).await;
    assert_eq!(cancel.fields().number(), id);
    let next = || hub.call::<u8>("peer", "work", &());
    assert_eq!(next().await.unwrap_err(), OVERLOADED);
    let waiting = tokio::spawn(next().queue());
    settle().await;
    peer.reply(id, "null").await;
    let id = peer.call().await.id;
    peer.reply(id, "2").await;
    assert_eq!(waiting.await.unwrap(), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_when_its_caller_is_gone() {
    let hub = hub_with_places(1);
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let call = hub.call::<()>("worker", "wait", &());
    timeout(Duration::from_secs(1), call).await.unwrap_err();
    eventually(|| journal.dropped() == 1).await;
    settle().await;
    assert_eq!(hub.call::<()>("worker", "nothing", &()).await, Ok(()), "its place is free");
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_when_its_time_is_over() {
    let hub = hub_with_places(1);
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let call = hub.call::<()>("worker", "wait", &()).timeout(Duration::from_secs(1));
    assert_eq!(call.await.unwrap_err(), CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    eventually(|| journal.dropped() == 1).await;
    settle().await;
    assert_eq!(hub.call::<()>("worker", "nothing", &()).await, Ok(()), "its place is free");
}

/// A handler that is cancelled keeps its place until it ends.
#[tokio::test(start_paused = true)]
async fn a_handler_marked_no_cancel_runs_to_its_end() {
    let hub = hub_with_places(1);
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let call = hub.call::<()>("worker", "stay", &());
    timeout(Duration::from_secs(1), call).await.unwrap_err();
    eventually(|| journal.cancelled() == 1).await;
    assert_eq!(hub.call::<()>("worker", "nothing", &()).await.unwrap_err(), OVERLOADED);
    journal.release(1);
    eventually(|| journal.finished() == 1).await;
    settle().await;
    assert_eq!(hub.call::<()>("worker", "nothing", &()).await, Ok(()));
    assert_eq!(journal.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_handle_cancels_a_call_that_was_sent() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let mut call = hub.call::<()>("worker", "wait", &());
    let handle = call.cancel_handle();
    let call = tokio::spawn(call);
    eventually(|| journal.running() == 1).await;
    handle.cancel();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.execution()), (&SENT, Execution::Unknown));
    eventually(|| journal.dropped() == 1).await;
    handle.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_handle_cancels_a_call_that_waits_for_a_place() {
    let hub = hub_with_places(1);
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let first = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    settle().await;
    let mut call = hub.call::<()>("worker", "nothing", &()).queue();
    let handle = call.cancel_handle();
    let call = tokio::spawn(call);
    settle().await;
    handle.clone().cancel();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.execution()), (&QUEUED, Execution::Never));
    journal.release(1);
    assert_eq!(first.await.unwrap(), Ok(()));
    settle().await;
    assert_eq!(journal.started(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handle_cancels_a_call_that_was_not_made_yet() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    let mut call = hub.call::<()>("worker", "nothing", &());
    call.cancel_handle().cancel();
    assert_eq!(call.await.unwrap_err(), QUEUED);
    settle().await;
    assert_eq!(journal.started(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_handle_does_nothing_to_a_call_that_is_over() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let mut call = hub.call::<u8>("worker", "echo", &1);
    let handle = call.cancel_handle();
    assert_eq!(call.await, Ok(1));
    handle.cancel();
    assert_eq!(hub.call::<u8>("worker", "echo", &2).await, Ok(2));
}

/// The answer of a cancelled call frees its place and reaches nobody.
#[tokio::test(start_paused = true)]
async fn f10_a_late_answer_reaches_no_other_call() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let call = hub.call::<u8>("peer", "work", &1).timeout(Duration::from_secs(1));
    assert!(call.await.unwrap_err().is_timeout());
    let first = peer.call().await.id;
    peer.expect(kind::CANCEL).await;
    let second = tokio::spawn(hub.call::<u8>("peer", "work", &2));
    let call = peer.call().await;
    peer.reply(first, "1").await;
    peer.reply(call.id, "2").await;
    assert_eq!(second.await.unwrap(), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn calls_dropped_in_a_loop_leave_nothing_behind() {
    let hub = hub_with_places(8);
    let (plugin, journal) = worker("worker");
    plug(&hub, &plugin).await;
    for round in 0..2_000 {
        let mut call = hub.call::<()>("worker", "wait", &());
        let first = std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::future::Future::poll(
                std::pin::Pin::new(&mut call),
                context,
            ))
        });
        let _ = first.await;
        drop(call);
        if round % 3 == 0 {
            tokio::task::yield_now().await;
        }
        assert!(journal.running() <= 8);
    }
    settle().await;
    assert_eq!(journal.running(), 0);
    assert_eq!(hub.call::<()>("worker", "nothing", &()).await, Ok(()));
}

#[tokio::test]
async fn a_blocking_handler_sees_that_its_caller_is_gone() {
    struct Patient(mpsc::UnboundedSender<bool>);

    #[brpc::plugin]
    impl Patient {
        #[brpc(blocking)]
        pub fn poll_until_cancelled(&self, cx: &Context) {
            self.0.send(false).unwrap();
            while !cx.is_cancelled() {
                std::thread::yield_now();
            }
            self.0.send(true).unwrap();
        }
    }

    let hub = Socket::default();
    let (sender, mut seen) = mpsc::unbounded_channel();
    plug(&hub, &Plugin::new(Patient(sender))).await;
    let call = tokio::spawn(hub.call::<()>("patient", "poll_until_cancelled", &()));
    assert_eq!(seen.recv().await, Some(false));
    call.abort();
    assert_eq!(seen.recv().await, Some(true));
}

/// A plugin answers that a call was cancelled, although the hub still waits, and its deadline is far
/// away or it has none.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_answers_cancelled_of_its_own_accord() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    for limit in [Some(MINUTE), None] {
        let call = tokio::spawn(hub.call::<()>("peer", "work", &()).timeout(limit));
        let id = peer.call().await.id;
        let failed = Writer::default().number(id).raw(&[status::CANCELLED]).text("").text("").0;
        peer.send_frame(kind::FAILED, &failed).await;
        assert_eq!(call.await.unwrap().unwrap_err(), SENT);
    }
}

const MINUTE: Duration = Duration::from_mins(1);
