//! What a peer announces, sends and leaves unread takes no more memory than the limits say.

use std::sync::atomic::{AtomicUsize, Ordering};

use brpc::{ConnectError, Limits, Plugin, RefusalCode, Socket};
use futures_util::FutureExt as _;

use crate::good::Good;
use crate::raw::{
    ACCEPTED, CALL, DESCRIBE, EVENT, Hello, PREFACE, REPLY, RESUMABLE, RESUME, RESUMED, Raw, frame,
};
use crate::scenario::{MEMORY, eventually, scenario};
use crate::worker::Worker;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// How much more memory there was at most, meanwhile, than before.
async fn growth(during: impl Future<Output = ()>) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    during.await;
    MEMORY.peak_usage().saturating_sub(before)
}

#[test]
fn h04_h05_f03_a_length_that_is_announced_takes_no_memory() {
    const PEERS: usize = 100;
    let mut limits = Limits::default();
    limits.max_frame = Limits::HIGHEST_MAX_FRAME;
    scenario(async move {
        let good = Good::new(Socket::builder().limits(limits)).await;
        let hello = |n: usize| [&PREFACE[..], &Hello::new(format!("p{n}")).encode()].concat();
        let mut peers = Vec::new();

        let before_hello = growth(async {
            for _ in 0..PEERS {
                let mut peer = Raw::connect(good.address).await;
                peer.send(&[&PREFACE[..], &[0, 0, 0x10, 0, 1]].concat()).await;
                peers.push(peer);
            }
            good.answers().await;
        });
        let before_hello = before_hello.await;
        let describing = growth(async {
            for n in 0..PEERS {
                let mut peer = Raw::connect(good.address).await;
                peer.send(&[&hello(n)[..], &[0, 0x10, 0, 1, DESCRIBE]].concat()).await;
                peers.push(peer);
            }
            good.answers().await;
        });
        let describing = describing.await;
        let let_in = growth(async {
            for n in 0..PEERS {
                let mut peer = Raw::register(good.address, &Hello::new(format!("p{n}"))).await;
                peer.send(&[4, 0, 0, 0, REPLY, 1]).await;
                peers.push(peer);
            }
            good.answers().await;
        });
        let let_in = let_in.await;
        println!(
            "{PEERS} connections announce 4 KiB: {before_hello} bytes; 1 MiB: {describing}; 64 MiB: {let_in}"
        );
        // Both ends of a connection are in here.
        for growth in [before_hello, describing, let_in] {
            assert!(growth < PEERS * 32 * KIB, "{growth} bytes");
        }
        drop(peers);
        good.finish().await;
    });
}

/// A plugin that floods events that nobody reads: the hub stores no more than the credit allows.
#[test]
fn l04_events_that_nobody_reads_are_bounded() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let _waiting = good.hub.events().wait();
        let _dropping = good.hub.events().capacity_bytes(MIB);
        let mut peer = Raw::register(good.address, &Hello::new("flood")).await;
        // As much as the credit allows, to the byte.
        let event = frame(EVENT, &[&[b' '; 8 * KIB]]);
        let grown = growth(async {
            for _ in 0..256 {
                peer.send(&event).await;
            }
            good.answers().await;
        });
        let grown = grown.await;
        println!("2 MiB of unread events take {grown} bytes");
        assert!(grown < 5 * MIB, "{grown} bytes");
        // One more is a breach.
        peer.send(&frame(EVENT, &[b"1"])).await;
        assert_eq!(peer.goodbye().await, Some(crate::raw::BREACH));
        good.finish().await;
    });
}

/// Frames that are nearly complete, on many connections: each holds what has come, not more than
/// twice.
#[test]
fn frames_that_never_end_are_bounded() {
    const PEERS: usize = 16;
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let nearly = [&[0, 0x10, 0, 0, REPLY, 1][..], &vec![b' '; MIB - 3]].concat();
        let mut peers = Vec::new();
        let grown = growth(async {
            for n in 0..PEERS {
                let mut peer = Raw::register(good.address, &Hello::new(format!("p{n}"))).await;
                peer.send(&nearly).await;
                peers.push(peer);
            }
            good.answers().await;
        });
        let grown = grown.await;
        println!("{PEERS} frames of 1 MiB that never end take {grown} bytes");
        assert!(grown < PEERS * 5 * MIB / 2, "{grown} bytes");
        drop(peers);
        good.finish().await;
    });
}

/// Connects a plugin, which on a busy machine may take longer than its turn, and is told to come back
/// then, and why; returns how often. Nothing else may keep it out.
async fn connect(plugin: &Plugin<Worker>, hub: std::net::SocketAddr) -> usize {
    let mut refused = 0;
    loop {
        match plugin.connect(hub).await {
            Ok(_) => return refused,
            Err(ConnectError::Refused(refusal)) if refusal.code == RefusalCode::Full => {
                tokio::time::sleep(refusal.retry_after.expect("it may come back")).await;
                refused += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Plugins that are not registered, and whose descriptions never end: all together hold little more
/// than the room for descriptions, and keep nobody out.
#[test]
fn descriptions_that_never_end_are_bounded() {
    const PEERS: usize = 300;
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let (mut senders, mut refused) = (Vec::new(), 0);
        let grown = growth(async {
            for n in 0..PEERS {
                let mut peer = Raw::connect(good.address).await;
                let description = (n as u64).to_be_bytes().to_vec();
                let hello = Hello { description, ..Hello::new("endless") };
                peer.send(&[&PREFACE[..], &hello.encode()].concat()).await;
                peer.expect_preface().await;
                peer.expect(ACCEPTED).await;
                senders.push(tokio::spawn(async move {
                    peer.send(&[0, 0x10, 0, 0, DESCRIBE]).await;
                    // The hub reads them when it has room; or it refuses, and they fail.
                    for _ in 0..120 {
                        peer.send(&[b'x'; 8 * KIB]).await;
                    }
                    peer.rest().await;
                }));
            }
            for n in 0..50 {
                let text = "x".repeat(64 * KIB);
                let (_, plugin) = Worker::plugin(&format!("verbose-{n}"));
                let plugin =
                    plugin.describe("wait", move |wait| wait.description.clone_from(&text));
                refused += connect(&plugin, good.address).await;
                good.answers().await;
            }
        });
        let grown = grown.await;
        println!("{PEERS} descriptions that never end take {grown} bytes; refused: {refused}");
        assert!(grown < 24 * MIB, "{grown} bytes");
        for sender in senders {
            sender.abort();
            let _ = sender.await;
        }
        good.finish().await;
    });
}

/// An input that counts how often it is encoded.
struct Counted<'a>(&'a str, &'a AtomicUsize);

impl serde::Serialize for Counted<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.serialize(serializer)
    }
}

/// All connections send the same bytes.
#[test]
fn l24_a_broadcast_is_encoded_once_and_held_once() {
    const PEERS: usize = 100;
    scenario(async {
        let (hub, address) = crate::good::serve(Socket::builder()).await;
        let mut peers = Vec::new();
        for n in 0..PEERS {
            peers.push(Raw::register(address, &Hello::new(format!("p{n}"))).await);
        }
        let (text, encoded) = ("x".repeat(MIB - KIB), AtomicUsize::new(0));
        let grown = growth(async {
            let broadcast = hub.broadcast::<()>("hang", &Counted(&text, &encoded));
            let mut broadcast = broadcast.timeout(None);
            assert!(broadcast.next().now_or_never().is_none());
            // Each has it whole, or will when it reads on: as much as the system takes is sent.
            for peer in &mut peers {
                peer.stream.readable().await.unwrap();
            }
        });
        let grown = grown.await;
        println!("a broadcast of 1 MiB to {PEERS} plugins takes {grown} bytes");
        assert_eq!(encoded.load(Ordering::Relaxed), 1);
        // The text is encoded, and copied from a buffer that grows; and 32 KiB a plugin.
        assert!(grown < 4 * MIB + PEERS * 32 * KIB, "{grown} bytes");
        drop(peers);
        hub.shutdown().await;
    });
}

/// What the hub says that it holds, beside what the allocator says.
struct Held<'a> {
    hub: &'a Socket,
    said: usize,
    allocated: usize,
}

impl<'a> Held<'a> {
    fn begin(hub: &'a Socket) -> Self {
        Self { hub, said: hub.held_bytes(), allocated: MEMORY.current_usage() }
    }

    /// There is at most twice as much as the hub says.
    fn check(&self, what: &str) {
        let said = self.hub.held_bytes() - self.said;
        let allocated = MEMORY.current_usage().saturating_sub(self.allocated);
        println!("{what}: {said} bytes by the hub's count, {allocated} by the allocator's");
        // Whatever else the process does at the moment.
        assert!(allocated <= 2 * said + 256 * KIB, "{what}: {allocated} bytes, and not {said}");
    }
}

/// Calls that wait, answers that nobody takes and events that nobody reads: all of them are counted,
/// as what they take.
#[test]
fn what_the_hub_counts_is_what_it_holds() {
    scenario(async {
        let (hub, address) = crate::good::serve(Socket::builder()).await;
        let hello = Hello { max_calls: 1_024, ..Hello::new("peer") };
        let mut peer = Raw::register(address, &hello).await;
        for (what, size, count) in
            [("tiny", 1, 4_000), ("small", 10, 4_000), ("large", 4_000, 1_000)]
        {
            let (input, output) = ("i".repeat(size), format!("\"{}\"", "o".repeat(size)));
            let mut held = Held::begin(&hub);
            let mut calls: Vec<_> = (0..count)
                .map(|_| Box::pin(hub.call::<String>("peer", "hang", &input).timeout(None).queue()))
                .collect();
            // The callers' own.
            held.allocated += count * size_of_val(&*calls[0]) + size_of_val(&*calls);
            for call in &mut calls {
                assert!(call.now_or_never().is_none());
            }
            held.check(&format!("{count} calls with {what} inputs"));

            let mut ids = Vec::new();
            while ids.len() < count {
                let call = peer.expect(CALL).await;
                ids.push(call.number());
                peer.send(&crate::raw::reply(call.number(), &output)).await;
            }
            // Behind whose answer the others have arrived.
            let last = hub.call::<String>("peer", "hang", &input).timeout(None).queue();
            let last = tokio::spawn(last.into_future());
            let call = peer.expect(CALL).await;
            peer.send(&crate::raw::reply(call.number(), &output)).await;
            last.await.unwrap().unwrap();
            eventually("all answers are there", || hub.held_bytes() >= count * (384 + size)).await;
            held.check(&format!("{count} {what} answers that are not taken"));
            drop(calls);
            assert_eq!(hub.held_bytes(), held.said);
        }

        // What is taken at once must not be kept by what isn't.
        let (mut held, mut calls) = (Held::begin(&hub), Vec::new());
        let large = format!("\"{}\"", "o".repeat(16 * KIB));
        for _ in 0..1_000 {
            let mut small = Box::pin(hub.call::<u8>("peer", "hang", &1).timeout(None));
            assert!((&mut small).now_or_never().is_none());
            calls.push(small);
            let taken = hub.call::<String>("peer", "hang", &1).timeout(None);
            let taken = tokio::spawn(taken.into_future());
            for output in ["1", &large] {
                let call = peer.expect(CALL).await;
                peer.send(&crate::raw::reply(call.number(), output)).await;
            }
            taken.await.unwrap().unwrap();
        }
        held.allocated += calls.len() * (size_of_val(&*calls[0]) + 8);
        held.check("1,000 answers of a byte between large ones");
        drop(calls);

        // In all, what the first credit is for: this peer doesn't wait for more.
        for (what, size, count) in [("small", 10, 500), ("large", 2_000, 500)] {
            let _unread = hub.events();
            let held = Held::begin(&hub);
            let event = frame(EVENT, &[format!("\"{}\"", "e".repeat(size)).as_bytes()]);
            for _ in 0..count {
                peer.send(&event).await;
            }
            eventually("all events are there", || hub.held_bytes() >= count * size).await;
            held.check(&format!("{count} {what} events"));
        }
        assert_eq!(hub.held_bytes(), 0, "the subscriber is gone");
        drop(peer);
        hub.shutdown().await;
    });
}

/// The same of calls whose plugin is away: some were sent, and some not.
#[test]
fn what_the_hub_counts_of_suspended_calls_is_what_it_holds() {
    const SENT: usize = 500;
    scenario(async {
        let (hub, address) = crate::good::serve(Socket::builder()).await;
        let hello = Hello { max_calls: SENT as u64, features: 2, ..Hello::new("peer") };
        for (what, size, count) in
            [("tiny", 1, 2_000), ("small", 10, 2_000), ("large", 4_000, 1_000)]
        {
            let mut peer = Raw::register(address, &hello).await;
            peer.send(&frame(RESUME, &[&[0, 0, 0]])).await;
            peer.expect(RESUMED).await;
            hub.wait_for("peer", crate::good::LONG).await.unwrap();
            let input = "i".repeat(size);
            let mut held = Held::begin(&hub);
            let call = || hub.call::<String>("peer", "hang", &input).timeout(None).queue();
            let mut calls: Vec<_> =
                (0..count).map(|_| Box::pin(call().resumable(crate::good::LONG))).collect();
            // The callers' own.
            held.allocated += count * size_of_val(&*calls[0]) + size_of_val(&*calls);
            for call in &mut calls {
                assert!(call.now_or_never().is_none());
            }
            for _ in 0..SENT {
                peer.expect(RESUMABLE).await;
            }
            drop(peer);
            eventually("the plugin is away", || hub.connected().is_empty()).await;
            held.check(&format!("{count} suspended calls with {what} inputs"));
            drop(calls);
            assert_eq!(hub.held_bytes(), held.said);
        }
        hub.shutdown().await;
    });
}
