//! Which calls get places on the next connection, and in which order.

use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brpc::testing::Link;
use brpc::{CallErrorKind, Execution, Limits, Socket};
use tokio::sync::mpsc;

use super::{Staying, made};
use crate::support::worker::worker;
use crate::support::{LONG, eventually};

const SECOND: Duration = Duration::from_secs(1);

fn wait(hub: &Socket) -> brpc::Call<()> {
    hub.call::<()>("worker", "wait", &()).resumable(LONG).timeout(None).queue()
}

/// A plugin that runs so many handlers, and its hub.
async fn narrow(places: usize) -> (Socket, Staying) {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let mut limits = Limits::default();
    limits.max_calls = places;
    let staying = Staying::of(&hub, plugin.limits(limits), journal).await;
    // So that calls are made before the plugin has said what it knows.
    staying.link.delay(Duration::from_millis(100));
    (hub, staying)
}

/// Both handlers run on, so they are as many as the plugin runs.
#[tokio::test(start_paused = true)]
async fn handlers_that_run_on_have_their_places_before_new_calls() {
    let (hub, staying) = narrow(2).await;
    let run_on = [made(wait(&hub)), made(wait(&hub))];
    eventually(|| staying.journal.running() == 2).await;
    staying.leave(&hub).await;
    staying.come_back(&hub).await;
    let new = [made(wait(&hub)), made(wait(&hub))];
    tokio::time::sleep(SECOND).await;
    assert_eq!(staying.journal.started(), 2, "the new ones wait");
    staying.journal.release(2);
    for call in run_on {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
    eventually(|| staying.journal.started() == 4).await;
    staying.journal.release(2);
    for call in new {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
}

/// They need no handler, only a place to be sent.
#[tokio::test(start_paused = true)]
async fn answers_that_are_held_do_not_wait_behind_new_calls() {
    let (hub, staying) = narrow(2).await;
    let answered = [made(wait(&hub).timeout(60 * SECOND)), made(wait(&hub).timeout(60 * SECOND))];
    eventually(|| staying.journal.running() == 2).await;
    staying.leave(&hub).await;
    staying.journal.release(2);
    eventually(|| staying.journal.finished() == 2).await;
    staying.come_back(&hub).await;
    let _new = [made(wait(&hub)), made(wait(&hub)), made(wait(&hub))];
    for call in answered {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
    eventually(|| staying.journal.started() == 4).await;
}

/// A caller that doesn't want to wait learns it as soon as it is known.
#[tokio::test(start_paused = true)]
async fn a_new_call_that_does_not_wait_is_refused_if_others_go_on_in_all_places() {
    let (hub, staying) = narrow(1).await;
    let runs_on = made(wait(&hub));
    eventually(|| staying.journal.running() == 1).await;
    staying.leave(&hub).await;
    staying.come_back(&hub).await;
    let error = hub.call::<u64>("worker", "echo", &1).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::Overloaded { .. }), "{error}");
    assert_eq!(error.execution(), Execution::Never);
    staying.journal.release(1);
    assert_eq!(runs_on.await.unwrap(), Ok(()));
}

/// Those that waited for a place when the link was lost keep their order, ahead of newer ones.
#[tokio::test(start_paused = true)]
async fn calls_that_were_not_sent_keep_their_places_in_the_line() {
    let (hub, staying) = narrow(1).await;
    let runs_on = made(wait(&hub));
    eventually(|| staying.journal.running() == 1).await;
    let (ended, mut order) = mpsc::unbounded_channel();
    let call = |number: u64| {
        let call = hub.call::<u64>("worker", "echo", &number).resumable(LONG).timeout(None).queue();
        let ended = ended.clone();
        tokio::spawn(async move { ended.send(call.await) });
    };
    (0..5).for_each(call);
    tokio::time::sleep(SECOND).await;
    // Twice, so that some are suspended again before they are sent.
    for _ in 0..2 {
        staying.leave(&hub).await;
        staying.come_back(&hub).await;
    }
    (5..10).for_each(call);
    tokio::time::sleep(SECOND).await;
    assert!(order.try_recv().is_err(), "they wait");
    staying.journal.release(1);
    assert_eq!(runs_on.await.unwrap(), Ok(()));
    for number in 0..10 {
        assert_eq!(order.recv().await, Some(Ok(number)));
    }
}

/// A handler that can't be cut short keeps its place when its caller has gone while it was away.
#[tokio::test(start_paused = true)]
async fn handlers_that_nobody_wants_any_more_count_as_long_as_they_run() {
    let (hub, staying) = narrow(2).await;
    let stay = hub.call::<()>("worker", "stay", &()).resumable(LONG).timeout(None);
    let stays = tokio::spawn(stay.into_future());
    eventually(|| staying.journal.running() == 1).await;
    staying.leave(&hub).await;
    stays.abort();
    let _ = stays.await;
    staying.come_back(&hub).await;
    eventually(|| staying.journal.cancelled() == 1).await;
    let other = made(wait(&hub));
    eventually(|| staying.journal.running() == 2).await;
    let error = hub.call::<()>("worker", "wait", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::Overloaded { .. }), "{error}");
    assert_eq!(staying.journal.started(), 2);
    staying.journal.release(2);
    assert_eq!(other.await.unwrap(), Ok(()));
    eventually(|| staying.journal.running() == 0).await;
    assert_eq!(hub.call::<u64>("worker", "echo", &7).await, Ok(7));
}

/// It was called by another hub, whose calls have the same numbers.
#[tokio::test(start_paused = true)]
async fn a_handler_that_nobody_wants_any_more_answers_no_call_of_the_next_hub() {
    let (first, second) = (Socket::default(), Socket::default());
    let (plugin, journal) = worker("worker");
    let (link, at) = (Link::new(), Arc::new(Mutex::new(first.clone())));
    let run = plugin.run_over({
        let (link, at) = (link.clone(), at.clone());
        move || {
            let (ours, theirs) = link.connect();
            at.lock().unwrap().attach(theirs);
            async { Ok(ours) }
        }
    });
    tokio::spawn(run.into_future());
    first.wait_for("worker", LONG).await.unwrap();
    let _stays = made(first.call::<()>("worker", "stay", &()).resumable(LONG).timeout(None));
    eventually(|| journal.running() == 1).await;
    *at.lock().unwrap() = second.clone();
    link.cut();
    second.wait_for("worker", LONG).await.unwrap();
    eventually(|| journal.cancelled() == 1).await;
    let call = made(wait(&second));
    eventually(|| journal.running() == 2).await;
    journal.release(1);
    eventually(|| journal.running() == 1).await;
    tokio::time::sleep(SECOND).await;
    assert!(!call.is_finished());
    journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
}
