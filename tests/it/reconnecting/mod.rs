//! Plugins that stay connected.

mod handlers;
mod hook;
mod reaching;
mod told;
mod unplugged;

use std::io;
use std::time::Duration;

use brpc::testing::{Link, run_through};
use brpc::{
    AwayReason, Backoff, ConnectError, DisconnectReason, EndReason, Handle, RefusalCode, Run,
    RunState, RunStates, Socket,
};
use tokio::task::JoinHandle;

use crate::support::peer::{Peer, refusal, refusal_of};
use crate::support::worker::{Journal, Worker, worker};
use crate::support::{LONG, eventually, plug};

const SECOND: Duration = Duration::from_secs(1);

/// A plugin that runs in a task.
struct Staying {
    journal: Journal,
    handle: Handle,
    states: RunStates,
    run: JoinHandle<Result<EndReason, ConnectError>>,
}

impl Staying {
    fn start(run: Run<Worker>, journal: Journal) -> Self {
        let (handle, states) = (run.handle(), run.states());
        Self { journal, handle, states, run: tokio::spawn(run.into_future()) }
    }

    /// The next state that is none of waiting for an attempt.
    async fn next(&mut self) -> RunState {
        loop {
            match self.states.next().await.unwrap() {
                RunState::Connecting { .. } => {}
                state => return state,
            }
        }
    }

    /// The generation of the next connection.
    async fn connected(&mut self) -> u64 {
        match self.next().await {
            RunState::Connected { generation, .. } => generation,
            other => panic!("{other:?}"),
        }
    }

    async fn away(&mut self) -> AwayReason {
        match self.next().await {
            RunState::Away { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    async fn ended(self) -> Result<EndReason, ConnectError> {
        tokio::time::timeout(LONG, self.run).await.unwrap().unwrap()
    }
}

fn stay(hub: &Socket, link: &Link) -> Staying {
    let (plugin, journal) = worker("worker");
    Staying::start(run_through(hub, &plugin, link), journal)
}

#[tokio::test(start_paused = true)]
async fn it_comes_back_whenever_the_link_is_cut() {
    let (hub, link) = (Socket::default(), Link::new());
    let mut staying = stay(&hub, &link);
    for generation in 1..=5 {
        assert_eq!(staying.connected().await, generation);
        assert_eq!(hub.call::<u64>("worker", "echo", &generation).await, Ok(generation));
        link.cut();
        let AwayReason::Ended(EndReason::Lost(_)) = staying.away().await else { panic!() };
    }
    staying.connected().await;
    staying.handle.stop(SECOND);
    assert_eq!(staying.ended().await.unwrap(), EndReason::Stopped);
}

/// The states say what it does, and to which hub.
#[tokio::test(start_paused = true)]
async fn each_state_is_told() {
    let (hub, link) = (Socket::default(), Link::new());
    let (plugin, journal) = worker("worker");
    let mut staying = Staying::start(run_through(&hub, &plugin, &link), journal);
    let RunState::Connecting { attempt: 1, after, hub: None, .. } =
        staying.states.next().await.unwrap()
    else {
        panic!()
    };
    assert_eq!(after, Duration::ZERO);
    let Some(RunState::Connected { epoch, name, generation: 1, .. }) = staying.states.next().await
    else {
        panic!()
    };
    assert_ne!(epoch, [0; 16]);
    assert_eq!(name, "worker");
    link.cut();
    let reason = staying.away().await;
    assert!(matches!(reason, AwayReason::Ended(EndReason::Lost(DisconnectReason::Unclean))));
    let RunState::Connecting { attempt: 1, after, .. } = staying.states.next().await.unwrap()
    else {
        panic!()
    };
    assert!(after <= SECOND);
    let Some(RunState::Connected { epoch: again, generation: 2, .. }) = staying.states.next().await
    else {
        panic!()
    };
    assert_eq!(epoch, again, "it is the same hub");
    staying.handle.stop(SECOND);
    let AwayReason::Ended(EndReason::Stopped) = staying.away().await else { panic!() };
    assert!(staying.states.next().await.is_none());
}

/// It never stops trying, and says each time why it failed.
#[tokio::test(start_paused = true)]
async fn it_goes_on_as_long_as_nobody_answers() {
    let (plugin, journal) = worker("worker");
    let refused =
        || async { Err::<tokio::io::DuplexStream, _>(io::ErrorKind::ConnectionRefused.into()) };
    let mut staying = Staying::start(plugin.run_over(refused), journal);
    for expected in 1..=100 {
        let Some(RunState::Connecting { attempt, after, .. }) = staying.states.next().await else {
            panic!()
        };
        assert_eq!(attempt, expected);
        assert!(after <= 30 * SECOND);
        let reason = staying.away().await;
        assert_eq!(reason.to_string(), "can't open a connection to the hub: connection refused");
    }
    staying.handle.stop(LONG);
    assert_eq!(staying.ended().await.unwrap(), EndReason::Stopped);
}

/// A dial that never returns is given up.
#[tokio::test(start_paused = true)]
async fn an_attempt_has_a_time_limit() {
    let (plugin, journal) = worker("worker");
    let silent = std::future::pending::<io::Result<tokio::io::DuplexStream>>;
    let mut staying = Staying::start(plugin.run_over(silent), journal);
    let begun = tokio::time::Instant::now();
    let AwayReason::NotConnected(error) = staying.away().await else { panic!() };
    assert!(
        matches!(&*error, ConnectError::Dial(error) if error.kind() == io::ErrorKind::TimedOut)
    );
    assert_eq!(begun.elapsed(), 10 * SECOND);
    // Nor does a hub that says nothing hold it up.
    let silent = || async { Ok(tokio::io::duplex(1).0) };
    let (plugin, journal) = worker("worker");
    let mut staying = Staying::start(plugin.run_over(silent), journal);
    staying.away().await;
}

/// A name that is taken is asked for again, and not before the hub says.
#[tokio::test(start_paused = true)]
async fn a_passing_refusal_is_waited_out() {
    let (hub, link) = (Socket::default(), Link::new());
    let other = plug(&hub, &worker("worker").0).await;
    let mut staying = stay(&hub, &link);
    for _ in 0..5 {
        let AwayReason::NotConnected(error) = staying.away().await else { panic!() };
        let ConnectError::Refused(refusal) = &*error else { panic!("{error:?}") };
        assert_eq!(refusal.code, RefusalCode::NameTaken);
        let Some(RunState::Connecting { after, .. }) = staying.states.next().await else {
            panic!()
        };
        assert!(after >= refusal.retry_after.unwrap());
    }
    other.kill().await;
    loop {
        if let RunState::Connected { generation, .. } = staying.next().await {
            assert!(generation > 1);
            return;
        }
    }
}

/// One that can't pass ends it, with the error, and without another attempt.
#[tokio::test(start_paused = true)]
async fn a_final_refusal_ends_it() {
    for code in [refusal::VERSION, refusal::BAD_NAME, refusal::PROTOCOL, refusal::BAD_LABELS] {
        let (plugin, journal) = worker("worker");
        let (said, mut dialled) = tokio::sync::mpsc::unbounded_channel();
        let run = plugin.run_over(move || {
            let (ours, theirs) = tokio::io::duplex(1024);
            said.send(theirs).unwrap();
            async { Ok(ours) }
        });
        let staying = Staying::start(run, journal);
        let mut hub = Peer::new(dialled.recv().await.unwrap());
        hub.send(&refusal_of(code, &[0])).await;
        let ConnectError::Refused(refused) = staying.ended().await.unwrap_err() else { panic!() };
        assert_eq!(refused.message, "because");
        assert!(dialled.recv().await.is_none());
    }
}

/// So does what is wrong with the plugin or the address, before anything is dialled.
#[tokio::test]
async fn a_mistake_ends_it_at_once() {
    let bad = worker("no spaces").0.run("127.0.0.1:1").await.unwrap_err();
    assert!(matches!(bad, ConnectError::BadName { .. }));
    let (plugin, _) = worker("worker");
    for hubs in [&["127.0.0.1:1", "http://hub"][..], &[]] {
        let bad = plugin.run(hubs).await.unwrap_err();
        assert!(matches!(bad, ConnectError::Address(_)), "{bad:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_hub_says_whether_to_come_back() {
    let (hub, link) = (Socket::default(), Link::new());
    let mut staying = stay(&hub, &link);
    staying.connected().await;
    let wait = 90 * SECOND;
    hub.unplug("worker").retry_after(wait).trace("moved").await.unwrap();
    let AwayReason::Ended(EndReason::Unplugged { trace, retry_after }) = staying.away().await
    else {
        panic!()
    };
    assert_eq!((&*trace, retry_after), ("moved", Some(wait)));
    let Some(RunState::Connecting { after, .. }) = staying.states.next().await else { panic!() };
    assert!((wait..=wait + SECOND).contains(&after), "{after:?}");
    staying.connected().await;
    hub.unplug("worker").await.unwrap();
    let ended = staying.ended().await.unwrap();
    assert!(matches!(ended, EndReason::Unplugged { retry_after: None, .. }), "{ended:?}");
}

/// A hub that shuts down is dialled until there is another one.
#[tokio::test(start_paused = true)]
async fn it_waits_for_the_next_hub() {
    let link = Link::new();
    let hub = Socket::default();
    let current = std::sync::Arc::new(std::sync::Mutex::new(hub.clone()));
    let (plugin, journal) = worker("worker");
    let (at, over) = (current.clone(), link.clone());
    let run = plugin.run_over(move || {
        let (ours, theirs) = over.connect();
        at.lock().unwrap().attach(theirs);
        async { Ok(ours) }
    });
    let mut staying = Staying::start(run, journal);
    staying.connected().await;
    hub.shutdown().await;
    let AwayReason::Ended(EndReason::Shutdown { .. }) = staying.away().await else { panic!() };
    // The hub that was shut down lets it in again, as any hub does.
    let next = Socket::default();
    *current.lock().unwrap() = next.clone();
    next.wait_for("worker", LONG).await.unwrap();
    assert_eq!(next.call::<u8>("worker", "echo", &7).await, Ok(7));
}

/// It stops at once, whatever it does: waiting, dialling, or shaking hands.
#[tokio::test(start_paused = true)]
async fn it_stops_at_any_time() {
    let refused = || async { Err::<tokio::io::DuplexStream, _>(io::ErrorKind::Other.into()) };
    let silent = std::future::pending::<io::Result<tokio::io::DuplexStream>>;
    let mute = || async {
        let (ours, theirs) = tokio::io::duplex(1024);
        // It stays open.
        std::mem::forget(theirs);
        Ok(ours)
    };
    for times in 0..10 {
        let (plugin, _) = worker("worker");
        for run in [plugin.run_over(refused), plugin.run_over(silent), plugin.run_over(mute)] {
            let handle = run.handle();
            let is_over = tokio::time::timeout(SECOND / 5, handle.finished()).await;
            assert!(is_over.is_err(), "it has not begun");
            let mut run = tokio::spawn(run.into_future());
            tokio::time::sleep(times * SECOND / 5).await;
            assert!(tokio::time::timeout(Duration::ZERO, handle.finished()).await.is_err());
            handle.stop(LONG);
            let before = tokio::time::Instant::now();
            assert_eq!((&mut run).await.unwrap().unwrap(), EndReason::Stopped);
            assert_eq!(before.elapsed(), Duration::ZERO);
            tokio::time::timeout(LONG, handle.finished()).await.unwrap();
        }
    }
}

/// With a grace period: calls finish, and what takes longer is cut off.
#[tokio::test(start_paused = true)]
async fn it_stops_with_a_grace_period() {
    for (millis, is_answered) in [(500, true), (5_000, false)] {
        let (hub, link) = (Socket::default(), Link::new());
        let (plugin, journal) = worker("worker");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let run = run_through(&hub, &plugin, &link).until(stopped, SECOND);
        let mut staying = Staying::start(run, journal);
        staying.connected().await;
        let call = tokio::spawn(hub.call::<u64>("worker", "sleep", &millis).into_future());
        eventually(|| staying.journal.running() == 1).await;
        stop.send(()).unwrap();
        assert_eq!(call.await.unwrap().is_ok(), is_answered);
        let handle = staying.handle.clone();
        assert_eq!(staying.ended().await.unwrap(), EndReason::Stopped);
        handle.finished().await;
    }
}

/// Each hub in turn; the one that it was connected to comes first.
#[tokio::test]
async fn several_hubs_are_tried_in_turn() {
    let listener = || tokio::net::TcpListener::bind("127.0.0.1:0");
    let (one, two) = (listener().await.unwrap(), listener().await.unwrap());
    let addresses = [one.local_addr().unwrap(), two.local_addr().unwrap()];
    drop(one);
    let hub = Socket::default();
    hub.serve(two);
    let (plugin, journal) = worker("worker");
    let run = plugin.run(addresses).backoff(Backoff::constant(Duration::from_millis(1)));
    let mut staying = Staying::start(run, journal);
    staying.away().await;
    staying.connected().await;
    hub.shutdown().await;
    let AwayReason::Ended(EndReason::Shutdown { .. }) = staying.away().await else { panic!() };
    let mut tried = Vec::new();
    while tried.len() < 4 {
        if let Some(RunState::Connecting { hub, .. }) = staying.states.next().await {
            tried.push(hub.unwrap().to_string());
        }
    }
    let [one, two] = addresses.map(|address| address.to_string());
    assert_eq!(tried, [two.clone(), one.clone(), two, one]);
    // The other one is there first.
    let other = Socket::default();
    other.serve(tokio::net::TcpListener::bind(addresses[0]).await.unwrap());
    other.wait_for("worker", LONG).await.unwrap();
    staying.handle.stop(LONG);
    staying.ended().await.unwrap();
}

/// Short enough that nobody notices, or so long that both sides give each other up: calls end once,
/// and soon after the link is back so is the plugin.
#[tokio::test(start_paused = true)]
async fn l15_a_partition_heals() {
    for (seconds, is_noticed) in [(1, false), (10, false), (30, true), (600, true)] {
        let (hub, link) = (Socket::default(), Link::new());
        let mut staying = stay(&hub, &link);
        let before = staying.connected().await;
        let call =
            tokio::spawn(hub.call::<u64>("worker", "sleep", &500).timeout(None).into_future());
        eventually(|| staying.journal.started() == 1).await;
        link.stall();
        tokio::time::sleep(seconds * SECOND).await;
        link.resume();
        let resumed = tokio::time::Instant::now();
        assert_eq!(call.await.unwrap().is_ok(), !is_noticed);
        // The last of the attempts that wait in the link is the one that counts.
        while hub.call::<u8>("worker", "echo", &7).await != Ok(7) {
            tokio::time::sleep(SECOND / 10).await;
        }
        assert!(resumed.elapsed() <= 32 * SECOND, "{seconds}: {:?}", resumed.elapsed());
        let after = hub.plugin_info("worker").unwrap().generation;
        assert_eq!(after > before, is_noticed);
        assert_eq!(staying.journal.started(), 2, "no call has run twice");
        staying.handle.stop(Duration::ZERO);
        staying.ended().await.unwrap();
    }
}
