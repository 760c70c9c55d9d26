//! Calls against their answers, deadlines, cancels and the loss of the connection.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use brpc_core::{CallError, Execution};
use brpc_socket::Socket;
use shuttle::future::{block_on, spawn};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;
use tokio::sync::oneshot;

use crate::explore::explore;
use crate::peer::{Journal, NAME, Peer};

type Outcome = Result<u64, CallError>;

/// What ended a call must be true of what the plugin did.
fn check(journal: &Journal, n: u64, outcome: Option<&Outcome>) {
    let started = journal.lock().unwrap().get(&n).copied().unwrap_or(0);
    assert!(started <= 1, "call {n} was started {started} times");
    match outcome {
        Some(Ok(output)) => assert_eq!((*output, started), (n, 1), "call {n} got another's output"),
        Some(Err(error)) if error.execution() == Execution::Never => {
            assert_eq!(started, 0, "call {n} ran: {error:?}");
        }
        _ => {}
    }
}

/// A hub and a plugin that is connected to it.
fn connected() -> (Socket, Peer) {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub, 1);
    assert!(block_on(peer.is_welcome()));
    (hub, peer)
}

fn call(hub: &Socket, n: u64) -> brpc_socket::Call<u64> {
    hub.call(NAME, "echo", &n).timeout(None)
}

/// Ready when the other end is used or dropped.
async fn told(receiver: oneshot::Receiver<()>) {
    let _ = receiver.await;
}

/// Callers and driver: no call stays in the inbox, and no answer in a slot.
#[test]
fn every_call_is_answered() {
    explore(|_| {
        let (hub, peer) = connected();
        let journal = Journal::default();
        let (cut, is_cut) = oneshot::channel();
        let serving = spawn(peer.serve(journal.clone(), 1, told(is_cut)));
        let callers = [1, 2].map(|caller| {
            let hub = hub.clone();
            thread::spawn(move || {
                [10 * caller, 10 * caller + 1].map(|n| (n, block_on(call(&hub, n))))
            })
        });
        for caller in callers {
            for (n, outcome) in caller.join().unwrap() {
                assert_eq!(outcome, Ok(n));
                check(&journal, n, Some(&outcome));
            }
        }
        drop(cut);
        block_on(serving).unwrap();
    });
}

/// A call that comes when the connection is over ends as well: nobody takes it from the inbox.
#[test]
fn a_call_to_a_plugin_that_goes_ends() {
    explore(|_| {
        let (hub, peer) = connected();
        let calls = [1, 2, 3].map(|n| spawn(call(&hub, n)));
        drop(peer);
        for call in calls {
            let error = block_on(call).unwrap().unwrap_err();
            assert_ne!(error.execution(), Execution::Completed, "{error:?}");
        }
    });
}

/// Each of the ways in which a call can end, at the same moment.
#[test]
fn every_call_ends_once_beside_a_cancel_and_a_cut() {
    explore(|_| {
        let (hub, peer) = connected();
        let journal = Journal::default();
        let (cut, is_cut) = oneshot::channel();
        let serving = spawn(peer.serve(journal.clone(), 2, told(is_cut)));

        let awaited = spawn(call(&hub, 1));
        let mut cancelled = call(&hub, 2);
        let handle = cancelled.cancel_handle();
        let cancelled = spawn(cancelled);
        let dropped = spawn({
            let call = call(&hub, 3);
            async move {
                let mut call = pin!(call);
                poll_fn(|context| {
                    let _ = call.as_mut().poll(context);
                    Poll::Ready(())
                })
                .await;
            }
        });
        let by_handle = thread::spawn(move || handle.cancel());
        let cutter = thread::spawn(move || drop(cut));
        let late = spawn(call(&hub, 4));

        let awaited = block_on(awaited).unwrap();
        let cancelled = block_on(cancelled).unwrap();
        let late = block_on(late).unwrap();
        block_on(dropped).unwrap();
        by_handle.join().unwrap();
        cutter.join().unwrap();
        block_on(serving).unwrap();
        for (n, outcome) in [(1, &awaited), (2, &cancelled), (4, &late)] {
            check(&journal, n, Some(outcome));
        }
        check(&journal, 3, None);
    });
}

/// A cancel always ends its call, whenever it comes: the plugin never answers.
#[test]
fn a_cancel_ends_its_call() {
    explore(|_| {
        let (hub, peer) = connected();
        let journal = Journal::default();
        let (cut, is_cut) = oneshot::channel();
        let serving = spawn(peer.serve(journal.clone(), u32::MAX, told(is_cut)));
        let mut cancelled = call(&hub, 1);
        let handle = cancelled.cancel_handle();
        let cancelled = spawn(cancelled);
        handle.cancel();
        let outcome = block_on(cancelled).unwrap();
        drop(cut);
        block_on(serving).unwrap();
        check(&journal, 1, Some(&outcome));
    });
}

/// A deadline ends its call, whatever the plugin does, and whatever else happens.
#[test]
fn a_deadline_ends_its_call() {
    explore(|clock| {
        let (hub, peer) = connected();
        let journal = Journal::default();
        let (cut, is_cut) = oneshot::channel();
        let serving = spawn(peer.serve(journal.clone(), 2, told(is_cut)));
        let timeout = Duration::from_secs(1);
        let calls = [1, 2].map(|n| (n, spawn(call(&hub, n).timeout(timeout))));
        let is_over = Arc::new(AtomicBool::new(false));
        let ticking = thread::spawn({
            let (clock, is_over) = (clock.clone(), is_over.clone());
            // As often as it takes: a call that is made later has a later deadline.
            move || {
                while !is_over.load(Ordering::SeqCst) {
                    clock.advance(timeout);
                    thread::yield_now();
                }
            }
        });
        let outcomes = calls.map(|(n, call)| (n, block_on(call).unwrap()));
        is_over.store(true, Ordering::SeqCst);
        ticking.join().unwrap();
        drop(cut);
        block_on(serving).unwrap();
        for (n, outcome) in outcomes {
            check(&journal, n, Some(&outcome));
        }
    });
}
