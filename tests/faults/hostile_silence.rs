//! Connections that send little or nothing, and don't close.

use std::collections::VecDeque;
use std::time::Duration;

use brpc::{Access, Limits, Socket};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::good::{Good, LONG, run_worker, serve};
use crate::process::Child;
use crate::random::scramble;
use crate::raw::{Hello, PREFACE, REFUSED, Raw, frame};
use crate::scenario::{Usage, eventually, scaled, scenario, within};

/// A Hello with so much in it that means nothing to the hub that it takes long.
fn long_hello() -> Vec<u8> {
    let hello = Hello::new("x".repeat(4_000));
    [&PREFACE[..], &hello.encode()].concat()
}

/// None of these is closed before its deadline, which is far away: they are all there while the hub
/// registers the plugin, and the plugin answers.
#[test]
fn a_thousand_silent_connections_keep_no_plugin_out() {
    let count = scaled(1_000);
    scenario(async move {
        // Not more than there are places for handshakes; see `Builder::max_handshakes`.
        let (mut hub, address) = Child::hub("$(ulimit -H -n)").await;
        let hello = long_hello();
        let mut silent = Vec::new();
        for n in 0..count {
            let mut peer = Raw::connect(address).await;
            peer.send(&hello[..[0, 1, 7, 8, 11, 100][n % 6]]).await;
            silent.push(peer);
        }
        let (_, worker) = run_worker("worker", address).await;
        for round in 0..10 {
            for (n, peer) in silent.iter_mut().enumerate().filter(|(n, _)| n % 6 > 0) {
                let place = [0, 1, 7, 8, 11, 100][n % 6] + round;
                peer.send(&hello[place..=place]).await;
            }
            let n = round as u64;
            assert_eq!(hub.call("worker", "scramble", n).await, scramble(n));
        }
        for peer in &silent {
            let mut byte = [0];
            let read = peer.stream.try_read(&mut byte);
            assert!(read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
        }
        println!("{count} connections in their handshake, and the plugin answers");
        hub.kill().await;
        worker.await.unwrap();
    });
}

/// The deadline is one for the whole handshake; bytes that drip don't move it.
#[test]
fn whoever_takes_too_long_is_refused() {
    const TIMEOUT: u64 = 9;
    let mut limits = Limits::default();
    limits.hello_deadline = Duration::from_millis(300);
    scenario(async move {
        let (hub, address) = serve(Socket::builder().limits(limits).gob(Access::Off)).await;
        let hello = Hello::new("late");
        let greeting = [&PREFACE[..], &hello.encode()].concat();
        let describing = [&greeting[..], &[0, 0, 1, 0, 4, 1]].concat();
        let mut cases = vec![];
        for (what, first, drips) in [
            ("nothing", &[][..], false),
            ("half a preface", &PREFACE[..4], false),
            ("a preface", &PREFACE, false),
            ("a hello that drips", &long_hello()[..20], true),
            ("no description", &greeting, false),
            ("a description that drips", &describing, true),
        ] {
            let mut peer = Raw::connect(address).await;
            peer.send(first).await;
            let is_accepted = first.len() >= greeting.len();
            cases.push(tokio::spawn(async move {
                let (mut reader, mut writer) = peer.stream.into_split();
                let dripping = async {
                    while drips && writer.write_all(b"x").await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    std::future::pending::<()>().await;
                };
                let mut said = Vec::new();
                tokio::select! {
                    () = dripping => {}
                    read = within(what, reader.read_to_end(&mut said)) => drop(read.unwrap()),
                }
                let start = if is_accepted { PREFACE.len() + 6 } else { PREFACE.len() };
                assert_eq!(said.get(start + 4), Some(&REFUSED), "{what}");
                assert_eq!(said.get(start + 5).copied().map(u64::from), Some(TIMEOUT), "{what}");
            }));
        }
        for case in cases {
            case.await.unwrap();
        }
        hub.shutdown().await;
    });
}

/// Strangers that don't close after the hub's answer hold their place until they are gone, so that
/// they can't use up the descriptors.
#[test]
fn h03_there_are_never_more_strangers_than_places_for_them() {
    const PLACES: usize = 4;
    const STRANGERS: usize = 64;
    scenario(async {
        let (hub, address) = serve(Socket::builder().max_handshakes(PLACES)).await;
        let (_, worker) = run_worker("worker", address).await;
        let before = Usage::now();
        let mut strangers = Vec::new();
        for n in 0..STRANGERS {
            let mut peer = Raw::connect(address).await;
            match n % 3 {
                0 => peer.send(b"GET / HTTP/1.1\r\n\r\n").await,
                1 => peer.send(&[&PREFACE[..], &frame(0x10, &[])].concat()).await,
                _ => peer.send(&[&PREFACE[..], &Hello::new(".").encode()].concat()).await,
            }
            strangers.push(peer);
        }
        // Each is answered in its turn.
        let mut most = 0;
        let mut untold: Vec<_> = strangers.iter().collect();
        eventually("all are told", || {
            // What was there before may be gone meanwhile.
            most = most.max(Usage::now().files.saturating_sub(before.files + STRANGERS));
            let mut bytes = [0; 1024];
            untold.retain(|peer| !matches!(peer.stream.try_read(&mut bytes), Ok(0)));
            untold.is_empty()
        })
        .await;
        // One more is accepted, and waits for a place.
        assert!(most <= PLACES + 1, "{most} strangers at once");
        let answer: u64 = hub.call("worker", "scramble", &1).await.unwrap();
        assert_eq!(answer, scramble(1));
        drop(strangers);
        hub.shutdown().await;
        worker.await.unwrap();
    });
}

/// The same when they are more than the places, and dial again: they make room, though their
/// deadline is far away.
#[test]
fn silent_connections_in_all_places_keep_no_plugin_out() {
    let mut limits = Limits::default();
    limits.hello_deadline = LONG;
    scenario(async move {
        let builder = Socket::builder().limits(limits).gob(Access::Off).max_handshakes(8);
        let good = Good::new(builder).await;
        let address = good.address;
        let mut silent = VecDeque::new();
        for number in 0..10 {
            for _ in 0..40 {
                silent.push_back(Raw::connect(address).await);
            }
            let (_, late) = run_worker(&format!("late-{number}"), address).await;
            good.answers().await;
            good.hub.unplug(&format!("late-{number}")).await.unwrap();
            late.await.unwrap();
            silent.drain(..30);
        }
        drop(silent);
        good.finish().await;
    });
}
