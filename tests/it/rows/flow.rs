use std::future::IntoFuture as _;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use brpc::testing::Link;
use brpc::{AwayReason, CallErrorKind, RunState, Scope, Socket};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::support::peer::{Hello, Peer, Writer, frame, kind};
use crate::support::worker::worker;
use crate::support::{ROOM, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// Between 50 and 350 ms in each direction, another time for each piece, for an hour.
#[tokio::test(start_paused = true)]
async fn l13_a_link_whose_delay_jumps_loses_no_plugin_and_no_call() {
    let (hub, link) = (Socket::default(), Link::new());
    let (ours, theirs) = link.connect();
    hub.attach(theirs);
    let session = worker("worker").0.serve(ours).await.unwrap();
    let _run = tokio::spawn(session.run());
    let start = Instant::now();
    let mut number = 0;
    while start.elapsed() < 3_600 * SECOND {
        let calls: Vec<_> = (0..3)
            .map(|_| {
                number += 1;
                link.delay(Duration::from_millis(50 + number * 7_919 % 300));
                hub.call::<u64>("worker", "echo", &number)
            })
            .collect();
        let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, [number - 2, number - 1, number]);
    }
    assert_eq!(hub.connected()[0].generation(), 1);
}

/// A clock that is set, or leaps, must not matter: so nobody asks for it.
#[test]
fn l16_no_code_asks_what_the_time_of_day_is() {
    /// Those that have to: what they judge is dated by others.
    const MAY: [&str; 1] = ["brpc-socket/src/auth/jwt/clock.rs"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["brpc-core", "brpc-macros", "brpc-plugin", "brpc-socket", "crates", "src"];
    let mut left: Vec<_> = folders.map(|folder| root.join(folder)).into();
    let mut files = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|it| it == "rs") {
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let asks = ["SystemTime::now", "UNIX_EPOCH", "Utc::now", "Local::now"];
            let line = code.find(|line| asks.iter().any(|word| line.contains(word)));
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            assert!(line.is_none() || MAY.contains(&name), "{name}: {line:?}");
        }
    }
    assert!(files > 100, "{files}");
}

/// A hub that may hold no more refuses calls, and is as alive as before.
#[tokio::test(start_paused = true)]
async fn l22_a_hub_that_holds_all_that_it_may_answers_heartbeats_and_takes_answers() {
    let hub = Socket::builder().max_held_bytes(1_500).build();
    let mut peer = Peer::plugged_as(&hub, &Hello::new("peer").heartbeats()).await;
    let first = tokio::spawn(hub.call::<u8>("peer", "work", &"x".repeat(1_000)));
    let id = peer.call().await.id;
    let error = hub.call::<u8>("peer", "work", &"x".repeat(1_000)).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Overloaded { scope: Scope::Hub, retry_after: None });
    let ping = Writer::default().number(1).number(0).number(0).0;
    peer.send_frame(kind::PING, &ping).await;
    assert_eq!(peer.expect(kind::PONG).await.fields().number(), 1);
    peer.reply(id, "7").await;
    assert_eq!(first.await.unwrap(), Ok(7));
}

/// As where all ports are in use, for a while.
#[tokio::test(start_paused = true)]
async fn l23_a_plugin_without_a_port_says_so_and_waits_longer_each_time() {
    const FAILURES: u32 = 16;
    let hub = Socket::default();
    let (plugin, dialled) = (worker("worker").0, hub.clone());
    let attempts = AtomicU32::new(0);
    let run = plugin.run_over(move || {
        let stream = if attempts.fetch_add(1, Ordering::Relaxed) < FAILURES {
            Err(io::Error::from(io::ErrorKind::AddrNotAvailable))
        } else {
            let (ours, theirs) = tokio::io::duplex(ROOM);
            dialled.attach(theirs);
            Ok(ours)
        };
        async { stream }
    });
    let mut states = run.states();
    let _run = tokio::spawn(run.into_future());
    let (mut failed, mut waits) = (0, Vec::new());
    loop {
        match states.next().await.unwrap() {
            RunState::Connecting { after, .. } => waits.push(after),
            RunState::Away { reason, .. } => {
                assert!(matches!(reason, AwayReason::NotConnected(_)), "{reason:?}");
                assert!(reason.to_string().contains("address not available"), "{reason}");
                failed += 1;
            }
            RunState::Connected { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(failed, FAILURES);
    // At random within limits, which double up to half a minute: of six, none is among the first ones
    // once in a billion runs.
    let longest = |waits: &[Duration]| waits.iter().max().copied().unwrap();
    assert!(longest(&waits[..3]) <= SECOND, "{waits:?}");
    assert!(longest(&waits[waits.len() - 6..]) > SECOND, "{waits:?}");
    assert_eq!(hub.call::<u8>("worker", "echo", &7).await, Ok(7));
}

/// Frames follow each other, so what is large is in front of what is small on its own connection.
#[tokio::test(start_paused = true)]
async fn l25_a_large_answer_holds_up_its_own_connection_and_no_other() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    plug(&hub, &worker("worker").0).await;
    let large = tokio::spawn(hub.call::<String>("peer", "work", &()).timeout(None));
    let small = tokio::spawn(hub.call::<u8>("peer", "work", &()).timeout(None));
    let ids = [peer.call().await.id, peer.call().await.id];
    let text = format!("\"{}\"", "x".repeat(1_000_000));
    let reply = Writer::default().number(ids[0]).raw(text.as_bytes()).0;
    for piece in frame(kind::REPLY, &reply).chunks(8_192) {
        peer.send(piece).await;
        settle().await;
        assert!(!small.is_finished());
        let start = Instant::now();
        assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
        assert_eq!(start.elapsed(), Duration::ZERO);
        sleep(SECOND).await;
    }
    peer.reply(ids[1], "7").await;
    assert_eq!(large.await.unwrap().map(|text| text.len()), Ok(1_000_000));
    assert_eq!(small.await.unwrap(), Ok(7));
}
