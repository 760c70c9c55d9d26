//! Plugins that come and go while they are called, in every way in which one can go.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use brpc::{CallError, CallErrorKind, Event, Events, Execution, Socket};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::good::{LONG, serve};
use crate::random::{Random, scramble};
use crate::scenario::{eventually, scaled, scenario, within};
use crate::worker::{Desk, Worker};

/// Names, each of which one plugin after the other has.
const NAMES: usize = 25;
const CALLERS: u64 = 16;

/// The outcome of each call, by its number; `None` for those that were dropped.
type Outcomes = Vec<(u64, Option<Result<u64, CallError>>)>;

#[test]
fn calls_to_plugins_that_come_and_go_all_end_and_tell_the_truth() {
    let lives = scaled(1_000) / NAMES;
    scenario(async move {
        let (hub, address) = serve(Socket::builder()).await;
        let events = tokio::spawn(check_order(hub.events().wait()));
        let is_over = Arc::new(AtomicBool::new(false));
        let numbers = Arc::new(AtomicU64::new(0));

        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let (hub, is_over, numbers) = (hub.clone(), is_over.clone(), numbers.clone());
            callers.spawn(keep_calling(hub, caller, numbers, is_over));
        }
        let mut plugins = JoinSet::new();
        for name in 0..NAMES {
            plugins.spawn(come_and_go(hub.clone(), name, lives, address));
        }
        let mut desks = Vec::new();
        while let Some(of_one_name) = within("the plugins", plugins.join_next()).await {
            desks.extend(of_one_name.unwrap());
        }
        is_over.store(true, Ordering::SeqCst);
        let mut outcomes = Outcomes::new();
        while let Some(of_one_caller) = within("the callers", callers.join_next()).await {
            outcomes.extend(of_one_caller.unwrap());
        }
        check(outcomes, &desks);
        hub.shutdown().await;
        assert_eq!(events.await.unwrap(), desks.len(), "each plugin was seen to come and to go");
    });
}

/// One plugin after the other under the same name.
async fn come_and_go(
    hub: Socket,
    name: usize,
    lives: usize,
    address: SocketAddr,
) -> Vec<Arc<Desk>> {
    let mut random = Random::new(name as u64);
    let mut desks = Vec::new();
    let name = format!("p{name}");
    for _ in 0..lives {
        let (desk, plugin) = Worker::plugin(&name);
        // The one before may not be gone yet.
        let session = loop {
            let stream = TcpStream::connect(address).await.unwrap();
            let way = random.below(5);
            if way == 0 {
                // When it is dropped, the connection is reset.
                stream.set_zero_linger().unwrap();
            }
            match plugin.serve(stream).await {
                Ok(session) => break (way, session),
                Err(brpc::ConnectError::Refused(_)) => tokio::task::yield_now().await,
                Err(other) => panic!("{other:?}"),
            }
        };
        let (way, session) = session;
        let handle = session.handle();
        let running = tokio::spawn(session.run());
        let enough = random.below(20);
        eventually("it is called", || desk.served.load(Ordering::SeqCst) >= enough).await;
        match way {
            0 | 1 => running.abort(),
            2 => handle.stop(Duration::ZERO),
            3 => handle.stop(LONG),
            _ => drop(hub.unplug(&name).await.unwrap()),
        }
        let _ = within("the end of a run", running).await;
        desks.push(desk);
    }
    desks
}

async fn keep_calling(
    hub: Socket,
    caller: u64,
    numbers: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
) -> Outcomes {
    let mut random = Random::new(1_000 + caller);
    let mut outcomes = Outcomes::new();
    while !is_over.load(Ordering::SeqCst) {
        let name = format!("p{}", random.below(NAMES));
        let n = numbers.fetch_add(1, Ordering::SeqCst);
        let call = hub.call::<u64>(&name, "recorded", &n).timeout(LONG);
        let outcome = if random.below(10) == 0 {
            let mut call = Box::pin(call);
            let _ = futures_util::poll!(&mut call);
            None
        } else {
            Some(within("a call", call).await)
        };
        if matches!(&outcome, Some(Err(error)) if matches!(error.kind(), CallErrorKind::NoPlugin { .. }))
        {
            tokio::task::yield_now().await;
        }
        outcomes.push((n, outcome));
    }
    outcomes
}

/// The outcomes that callers got match what the plugins saw.
fn check(outcomes: Outcomes, desks: &[Arc<Desk>]) {
    let mut started = HashMap::<u64, u32>::new();
    for desk in desks {
        for (&n, &times) in &*desk.started.lock().unwrap() {
            *started.entry(n).or_default() += times;
        }
    }
    let mut counts = HashMap::<&str, usize>::new();
    for (n, outcome) in outcomes {
        let times = started.get(&n).copied().unwrap_or(0);
        assert!(times <= 1, "call {n} was started {times} times");
        let what = match outcome {
            None => "dropped",
            Some(Ok(answer)) => {
                assert_eq!((answer, times), (scramble(n), 1), "call {n}");
                "answered"
            }
            Some(Err(error)) => {
                let is_expected = matches!(
                    error.kind(),
                    CallErrorKind::NoPlugin { .. }
                        | CallErrorKind::Draining
                        | CallErrorKind::Disconnected { .. }
                );
                assert!(is_expected, "call {n}: {error:?}");
                match error.execution() {
                    Execution::Never => {
                        assert_eq!(times, 0, "call {n}: {error:?}, but it was started");
                        "never run"
                    }
                    Execution::Unknown => "perhaps run",
                    Execution::Completed => panic!("call {n}: {error:?}"),
                }
            }
        };
        *counts.entry(what).or_default() += 1;
    }
    println!("{} plugins came and went; calls: {counts:?}", desks.len());
    assert!(counts["answered"] > 0 && counts["never run"] > 0, "{counts:?}");
}

/// Every name comes, goes, comes again, with rising generations; how often one came.
async fn check_order(mut events: Events) -> usize {
    let mut present = HashMap::<String, u64>::new();
    let mut newest = HashMap::<String, u64>::new();
    let mut count = 0;
    while let Some(event) = events.next().await {
        match event {
            Event::Connected(plugin) => {
                let (name, generation) = (plugin.name().to_owned(), plugin.generation());
                assert_eq!(present.insert(name.clone(), generation), None, "{name} came twice");
                let before = newest.insert(name, generation);
                assert!(before < Some(generation), "generations rise");
                count += 1;
            }
            Event::Disconnected(plugin, _) => {
                assert_eq!(present.remove(plugin.name()), Some(plugin.generation()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(present, HashMap::new(), "all are gone");
    count
}
