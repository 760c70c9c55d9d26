//! Plugins that ask for a name which another connection has.

use std::future::IntoFuture as _;
use std::io::Write as _;
use std::time::Duration;

use brpc::{
    CallError, CallErrorKind, DisconnectReason, EndReason, Event, Events, RefusalCode, Socket,
    Stage, Takeover,
};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::support::peer::{DESCRIPTION, Hello, PREFACE, Peer, farewell, frame, kind, refusal};
use crate::support::worker::worker;
use crate::support::{open, plug, settle};

const REPLACED: DisconnectReason = DisconnectReason::Replaced;

/// The next thing that is told of a plugin: what, and of which generation.
async fn told(events: &mut Events) -> (&'static str, u64) {
    match events.next().await {
        Some(Event::Connected(plugin)) => ("connected", plugin.generation()),
        Some(Event::Disconnected(plugin, reason)) => {
            assert_eq!(plugin.end(), Some(reason));
            let what = if reason == REPLACED { "replaced" } else { "disconnected" };
            (what, plugin.generation())
        }
        Some(Event::Message(message)) => ("message", message.plugin().generation()),
        other => panic!("{other:?}"),
    }
}

fn is_replaced(error: &CallError) -> bool {
    matches!(error.kind(), CallErrorKind::Disconnected { reason: REPLACED, .. })
}

/// Dials with a Hello that the hub refuses because of its name; when to come back.
async fn name_taken(hub: &Socket, hello: &Hello<'_>) -> Option<Duration> {
    let mut peer = Peer::dial(hub);
    peer.say_hello(hello).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    let refused = peer.expect(kind::REFUSED).await;
    let mut fields = refused.fields();
    assert_eq!(fields.number(), refusal::NAME_TAKEN);
    let _message = fields.text();
    (fields.byte() == 1).then(|| Duration::from_millis(fields.number()))
}

/// The network is gone under the old connection, so neither side hears of its end. The plugin dials
/// again while its calls still wait there.
#[tokio::test(start_paused = true)]
async fn h19_f13_c22_a_plugin_takes_its_name_over_from_its_own_dead_connection() {
    let hub = Socket::default();
    let mut events = hub.events();
    let mut old = Peer::plugged(&hub, "peer").await;
    let called = hub.connected()[0].clone();
    let sent = tokio::spawn(hub.call::<u8>("peer", "work", &()));
    let id = old.call().await.id;
    let start = Instant::now();
    let mut new = Peer::plugged(&hub, "peer").await;
    assert!(start.elapsed() < Duration::from_millis(10), "nobody is asked");
    let error = sent.await.unwrap().unwrap_err();
    let ended = |stage| CallErrorKind::Disconnected { stage, reason: REPLACED, generation: 1 };
    assert_eq!(error, ended(Stage::Sent));
    for expected in [("connected", 1), ("replaced", 1), ("connected", 2)] {
        assert_eq!(told(&mut events).await, expected);
    }
    assert_eq!(hub.connected().len(), 1);
    let error = hub.call_instance::<u8>(&called, "work", &()).await.unwrap_err();
    assert_eq!(error, ended(Stage::Queued), "a later connection is not this one");
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()));
    assert_eq!(new.call().await.id, id, "ids belong to a connection");
    // It was not dead after all.
    old.reply(id, "1").await;
    old.send_frame(kind::EVENT, b"1").await;
    assert_eq!(old.expect(kind::GOODBYE).await.fields().number(), farewell::REPLACED);
    assert_eq!(old.frame().await, None);
    settle().await;
    assert!(!call.is_finished(), "an old answer settles no new call");
    new.send_frame(kind::EVENT, b"2").await;
    assert_eq!(told(&mut events).await, ("message", 2), "nor is an old event told");
    new.reply(id, "2").await;
    assert_eq!(call.await.unwrap(), Ok(2));
}

/// The plugin's end of the old connection reads why, and who runs it must not dial again: it would
/// take the name from the connection that has it.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_connected_twice_is_told_on_its_first_connection() {
    let hub = Socket::default();
    let (plugin, _) = worker("worker");
    let first = plug(&hub, &plugin).await;
    let second = plug(&hub, &plugin).await;
    let end = first.end().await;
    assert_eq!(end, EndReason::Lost(REPLACED));
    assert_eq!(hub.call::<u8>("worker", "echo", &2).await, Ok(2));
    assert_eq!(hub.connected()[0].generation(), 2);
    second.kill().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_on_the_old_connection_is_told_before_its_end() {
    const MANY: usize = 1_000;
    let hub = Socket::default();
    let mut events = hub.events().capacity(2 * MANY);
    let mut old = Peer::plugged(&hub, "peer").await;
    // More than is told at a time.
    for _ in 0..MANY {
        old.send_frame(kind::EVENT, b"1").await;
    }
    let mut new = Peer::plugged(&hub, "peer").await;
    new.send_frame(kind::EVENT, b"2").await;
    assert_eq!(told(&mut events).await, ("connected", 1));
    let mut messages = 0;
    loop {
        match told(&mut events).await {
            ("message", 1) => messages += 1,
            end => {
                assert_eq!(end, ("replaced", 1));
                break;
            }
        }
    }
    assert!(messages <= MANY);
    assert_eq!(told(&mut events).await, ("connected", 2));
    assert_eq!(told(&mut events).await, ("message", 2));
}

#[tokio::test(start_paused = true)]
async fn h18_another_plugin_of_the_name_is_refused() {
    let hub = Socket::default();
    let mut holder = Peer::plugged(&hub, "peer").await;
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()));
    let id = holder.call().await.id;
    let wait = name_taken(&hub, &Hello::new("peer").instance(8)).await;
    assert_eq!(wait, Some(Duration::from_secs(1)));
    // Without an id it is nobody's.
    let mut nameless = [Peer::plugged_as(&hub, &Hello::new("zero").instance(0)).await];
    name_taken(&hub, &Hello::new("zero").instance(0)).await;
    nameless[0].send_frame(kind::EVENT, b"1").await;
    holder.reply(id, "1").await;
    assert_eq!(call.await.unwrap(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_hub_may_leave_names_to_those_who_have_them() {
    let hub = Socket::builder().takeover(Takeover::Reject).build();
    let _holder = Peer::plugged(&hub, "peer").await;
    assert_eq!(name_taken(&hub, &Hello::new("peer")).await, Some(Duration::from_secs(1)));
    assert_eq!(hub.connected()[0].generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hub_may_give_names_to_whoever_comes_last() {
    let hub = Socket::builder().takeover(Takeover::Newest).build();
    let (old, _) = worker("worker");
    let old = plug(&hub, &old).await;
    let (new, journal) = worker("worker");
    plug(&hub, &new).await;
    assert_eq!(old.end().await, EndReason::Lost(REPLACED));
    journal.release(1);
    assert_eq!(hub.call::<()>("worker", "wait", &()).await, Ok(()));
    assert_eq!(journal.finished(), 1);
}

/// Two that take each other's place for ever would leave the name of no use, and the log full.
#[tokio::test(start_paused = true)]
async fn h21_those_who_fight_for_a_name_are_told_when_to_come_back() {
    let hub = Socket::builder().takeover(Takeover::Newest).build();
    let hello = |round: u8| Hello::new("peer").instance(1 + round % 2);
    let mut peers = vec![Peer::plugged_as(&hub, &hello(0)).await];
    for round in 1..=5 {
        sleep(Duration::from_secs(5)).await;
        peers.push(Peer::plugged_as(&hub, &hello(round)).await);
    }
    let wait = name_taken(&hub, &hello(6)).await.unwrap();
    // Each takeover has waited for a moment.
    let is_about = |wait: Duration, seconds| {
        wait.abs_diff(Duration::from_secs(seconds)) < Duration::from_millis(100)
    };
    assert!(is_about(wait, 40), "a minute after the first, and not {wait:?}");
    assert_eq!(hub.connected()[0].generation(), 6);
    // Nor may the one that has it dial again.
    assert!(is_about(name_taken(&hub, &hello(5)).await.unwrap(), 40));
    let mut another = Peer::plugged_as(&hub, &Hello::new("another")).await;
    another.send_frame(kind::EVENT, b"1").await;
    sleep(wait).await;
    peers.push(Peer::plugged_as(&hub, &hello(6)).await);
    assert!(is_about(name_taken(&hub, &hello(7)).await.unwrap(), 5));
    // Whoever goes by itself leaves the name to all.
    drop(peers);
    settle().await;
    Peer::plugged_as(&hub, &hello(0)).await;
}

/// A link that fails again and again, and of whose end the hub doesn't hear, is no fight.
#[tokio::test(start_paused = true)]
async fn a_plugin_whose_connections_die_unheard_is_not_locked_out() {
    for takeover in [Takeover::SameInstance, Takeover::Newest] {
        let hub = Socket::builder().takeover(takeover).build();
        let mut dead = Vec::new();
        let begin = Instant::now();
        for generation in 1..=12 {
            dead.push(Peer::plugged_as(&hub, &Hello::new("peer").heartbeats()).await);
            assert_eq!(hub.connected()[0].generation(), generation);
            sleep(Duration::from_secs(1)).await;
        }
        assert!(begin.elapsed() < Duration::from_mins(1), "all of them count");
        // Takeovers from one that lives do as before.
        let mut living = dead.pop().unwrap();
        let another = Hello::new("peer").heartbeats().instance(7);
        let refused = tokio::spawn({
            let hub = hub.clone();
            async move { name_taken(&hub, &another).await }
        });
        living.expect(kind::PING).await;
        living.send_frame(kind::PONG, &[1, 0, 0]).await;
        let wait = refused.await.unwrap().unwrap();
        assert!(wait > Duration::from_secs(20), "{wait:?}");
    }
}

/// A plugin dials, gives up and dials again while its hub is stopped. The hub then finds all of these
/// connections at once, each with its Hello, and all but the last one with its end.
#[tokio::test(start_paused = true)]
async fn dials_that_were_given_up_take_no_name() {
    // The end of a dial is in its bytes behind the Hello, or behind the description.
    for is_known in [true, false] {
        let hub = Socket::default();
        let mut events = hub.events();
        let old = if is_known { Some(Peer::plugged(&hub, "peer").await) } else { None };
        for _ in 0..20 {
            let mut ghost = Peer::dial(&hub);
            ghost.say_hello(&Hello::new("peer")).await;
            if !is_known {
                ghost.send_frame(kind::DESCRIBE, &DESCRIPTION).await;
            }
        }
        let _living = Peer::plugged(&hub, "peer").await;
        let generation = hub.connected()[0].generation();
        if old.is_some() {
            assert_eq!(told(&mut events).await, ("connected", 1));
            assert_eq!(told(&mut events).await, ("replaced", 1));
        }
        assert_eq!(told(&mut events).await, ("connected", generation));
        settle().await;
        assert_eq!(hub.connected()[0].generation(), generation, "none comes later");
    }
}

/// It was given up, even if nothing shows its end: a program gives a dial up before it dials again.
#[tokio::test(start_paused = true)]
async fn an_earlier_dial_takes_no_name_from_a_later_one() {
    for takeover in [Takeover::SameInstance, Takeover::Newest] {
        let (hub, hello) =
            (Socket::builder().takeover(takeover).build(), Hello::new("peer").instance(1));
        let mut earlier = Peer::dial(&hub);
        let mut later = Peer::plugged_as(&hub, &hello).await;
        earlier.say_hello(&hello).await;
        earlier.hear_preface().await;
        earlier.expect(kind::ACCEPTED).await;
        let refused = earlier.expect(kind::REFUSED).await;
        assert_eq!(refused.fields().number(), refusal::NAME_TAKEN);
        let call = tokio::spawn(hub.call::<u8>("peer", "work", &()).into_future());
        let id = later.call().await.id;
        later.reply(id, "7").await;
        assert_eq!(call.await.unwrap(), Ok(7));
    }
}

/// The same over TCP, where the runtime doesn't know yet that a stream has ended which it has just
/// accepted.
#[tokio::test]
async fn dials_over_tcp_that_were_given_up_take_no_name() {
    let (hub, hello) = (Socket::default(), Hello::new("peer").instance(1));
    let _living = Peer::plugged_as(&hub, &hello).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..5 {
        let mut ghost = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ghost.write_all(&PREFACE).unwrap();
        ghost.write_all(&frame(kind::HELLO, &hello.body())).unwrap();
    }
    hub.serve(listener);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(hub.connected()[0].generation(), 1);
}

/// They have dialled later than the connection that lives, and threads of the runtime read them before
/// another one has heard of their end.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn later_dials_that_were_given_up_take_no_name_from_a_living_connection() {
    for takeover in [Takeover::SameInstance, Takeover::Newest] {
        for _ in 0..25 {
            let hub = Socket::builder().takeover(takeover).build();
            let hello = Hello::new("peer").instance(1);
            let _living = Peer::plugged_as(&hub, &hello).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            for _ in 0..4 {
                let mut ghost =
                    std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                ghost.write_all(&PREFACE).unwrap();
                ghost.write_all(&frame(kind::HELLO, &hello.body())).unwrap();
            }
            hub.serve(listener);
            sleep(Duration::from_millis(20)).await;
            let connected = hub.connected();
            assert!(connected.len() == 1 && connected[0].generation() == 1, "{connected:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_gets_its_own_name_back() {
    let hub = Socket::builder().key_sequencer(|name| format!("{name}x"), 2).build();
    let _first = Peer::plugged_as(&hub, &Hello::new("peer").instance(1)).await;
    let mut second = Peer::plugged_as(&hub, &Hello::new("peer").instance(2)).await;
    let _again = Peer::plugged_as(&hub, &Hello::new("peer").instance(2)).await;
    assert_eq!(second.expect(kind::GOODBYE).await.fields().number(), farewell::REPLACED);
    let names: Vec<_> = hub.connected().iter().map(|it| it.name().to_owned()).collect();
    assert_eq!(names, ["peer", "peerx"]);
}

#[tokio::test(start_paused = true)]
async fn one_who_is_asked_to_leave_can_be_replaced() {
    let hub = Socket::builder().takeover(Takeover::Newest).build();
    let mut old = Peer::plugged(&hub, "peer").await;
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()));
    old.call().await;
    let unplug = tokio::spawn(hub.unplug("peer").into_future());
    old.expect(kind::DRAIN).await;
    let _new = Peer::plugged_as(&hub, &Hello::new("peer").instance(8)).await;
    let report = unplug.await.unwrap().unwrap();
    assert_eq!((report.reason, report.cut), (REPLACED, 1));
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
    assert_eq!(hub.connected()[0].generation(), 2, "the new one stays");
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_shuts_down_gives_no_name_away() {
    let hub = Socket::default();
    let mut old = Peer::plugged(&hub, "peer").await;
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()));
    let id = old.call().await.id;
    let mut new = Peer::dial(&hub);
    let shutdown = tokio::spawn(hub.shutdown().into_future());
    old.expect(kind::RETURN).await;
    old.expect(kind::DRAIN).await;
    new.say_hello(&Hello::new("peer")).await;
    assert_eq!(new.refused().await, refusal::SHUTTING_DOWN);
    old.reply(id, "1").await;
    assert_eq!(call.await.unwrap(), Ok(1));
    drop(old);
    assert_eq!(shutdown.await.unwrap().plugins.len(), 1);
}

/// Whoever looks or calls, at any time and on another thread, finds one plugin of the name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h19_at_every_moment_one_connection_has_the_name() {
    let hub = Socket::default();
    let mut events = hub.events();
    for name in 0..20 {
        let name = format!("worker-{name}");
        let (plugin, _) = worker(&name);
        let mut plugged = vec![plug(&hub, &plugin).await];
        let looking = (hub.clone(), name.clone());
        let look = tokio::task::spawn_blocking(move || {
            let (hub, name) = looking;
            let mut last = 0;
            while last % 6 > 0 || last == 0 {
                let found = hub.connected();
                let [plugin] = &found[..] else { panic!("{found:?}") };
                assert!(plugin.name() == name && plugin.generation() >= last);
                last = plugin.generation();
            }
        });
        let calling = (hub.clone(), name.clone());
        let call = tokio::spawn(async move {
            let (hub, name) = calling;
            loop {
                match hub.call::<u64>(&name, "echo", &1).await {
                    Ok(1) => {}
                    Err(error) if is_replaced(&error) => {}
                    other => return other,
                }
            }
        });
        for _ in 0..5 {
            plugged.push(plug(&hub, &plugin).await);
        }
        look.await.unwrap();
        let report = hub.unplug(&name).await.unwrap();
        assert!(report.reason.is_graceful(), "{report:?}");
        let ended = call.await.unwrap().unwrap_err();
        assert!(
            matches!(ended.kind(), CallErrorKind::Draining | CallErrorKind::NoPlugin { .. })
                || ended.is_disconnected(),
            "{ended:?}"
        );
        let generations = plugged.len() as u64;
        let mut expected = Vec::new();
        for generation in 1..=generations {
            expected.push(("connected", generation));
            let end = if generation < generations { "replaced" } else { "disconnected" };
            expected.push((end, generation));
        }
        for (what, generation) in expected {
            let (told, of) = told(&mut events).await;
            assert_eq!((told, 1 + (of - 1) % 6), (what, generation));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_of_the_same_name_is_refused_as_before() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let refused = open(&hub, &worker("worker").0).await.unwrap_err();
    let brpc::ConnectError::Refused(refused) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.code, RefusalCode::NameTaken);
}

/// Two programs that are the same plugin, as the copy of a machine: neither ends, and the name changes
/// hands five times a minute, whatever they do.
#[tokio::test(start_paused = true)]
async fn two_runs_of_one_plugin_share_its_name_in_turns() {
    const MINUTES: u64 = 30;
    let hub = Socket::default();
    let (plugin, _) = worker("worker");
    let runs = [(), ()].map(|()| {
        let hub = hub.clone();
        let run = plugin.run_over(move || {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            hub.attach(theirs);
            async { Ok(ours) }
        });
        tokio::spawn(run.into_future())
    });
    let mut events = hub.events();
    let begin = Instant::now();
    let mut connected = 0;
    while begin.elapsed() < Duration::from_mins(MINUTES) {
        match events.next().await {
            Some(Event::Connected(_)) => connected += 1,
            Some(Event::Disconnected(_, reason)) => assert_eq!(reason, REPLACED),
            other => panic!("{other:?}"),
        }
        assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
    }
    assert!((2..=1 + 5 * (MINUTES + 1)).contains(&connected), "{connected}");
    assert!(runs.iter().all(|run| !run.is_finished()));
}
