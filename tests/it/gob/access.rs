//! From where the hub accepts which wire, and which peers it turns away for their protocol.

use std::net::IpAddr;
use std::time::Duration;

use brpc::{Access, ConnectError, EndReason, Listener, Socket, Source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::raw::{Raw, info, serve};
use crate::support::worker::worker;
use crate::support::{LONG, ROOM, open};

const SECOND: Duration = Duration::from_secs(1);

/// A listener whose connections are from an address.
struct From(mpsc::UnboundedReceiver<DuplexStream>, IpAddr);

impl Listener for From {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> std::io::Result<(DuplexStream, Source)> {
        match self.0.recv().await {
            Some(stream) => Ok((stream, Source::Address((self.1, 1).into()))),
            None => std::future::pending().await,
        }
    }

    fn is_of_this_host(&self) -> bool {
        true
    }
}

/// How it ends for a plugin that speaks gob and comes from an address.
async fn come_from(hub: &Socket, address: &str) -> EndReason {
    let (sender, receiver) = mpsc::unbounded_channel();
    drop(hub.serve(From(receiver, address.parse().unwrap())));
    let (ours, theirs) = tokio::io::duplex(ROOM);
    sender.send(theirs).unwrap();
    let session = worker(address).0.gob().serve(ours).await.unwrap();
    let handle = session.handle();
    let run = tokio::spawn(session.run());
    let arrives = hub.wait_for(address, std::time::Duration::from_secs(1));
    if arrives.await.is_ok() {
        handle.stop(LONG);
    }
    run.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn from_elsewhere_only_if_that_is_wanted() {
    let hub = Socket::default();
    for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(come_from(&hub, address).await, EndReason::Stopped, "{address}");
    }
    assert_eq!(hub.strangers().total(), 0);
    for address in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0"] {
        let EndReason::Refused(refusal) = come_from(&hub, address).await else { panic!() };
        assert!(refusal.message.contains("its own host only"), "{refusal}");
    }
    assert_eq!((hub.strangers().gob, hub.strangers().total()), (5, 5));
    let hub = Socket::builder().gob(Access::Anywhere).build();
    assert_eq!(come_from(&hub, "192.0.2.1").await, EndReason::Stopped);
    let hub = Socket::builder().gob(Access::Off).build();
    let EndReason::Refused(refusal) = come_from(&hub, "127.0.0.1").await else { panic!() };
    assert!(refusal.message.contains("no plugins of the Go package"), "{refusal}");
}

/// The source of an attached stream is unknown.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_attached_may_be_from_anywhere() {
    let hub = Socket::default();
    let session = open(&hub, &worker("worker").0.gob()).await.unwrap();
    assert!(matches!(session.run().await, EndReason::Refused(_)));
    let hub = Socket::builder().gob(Access::Anywhere).build();
    let session = open(&hub, &worker("worker").0.gob()).await.unwrap();
    let handle = session.handle();
    let run = tokio::spawn(session.run());
    hub.wait_for("worker", LONG).await.unwrap();
    handle.stop(LONG);
    assert_eq!(run.await.unwrap(), EndReason::Stopped);
}

#[tokio::test(start_paused = true)]
async fn the_native_wire_can_be_closed_too() {
    let hub = Socket::builder().native(Access::Off).build();
    let refused = open(&hub, &worker("worker").0).await.unwrap_err();
    let ConnectError::Refused(refusal) = &refused else { panic!("{refused:?}") };
    assert_eq!(refusal.code, brpc::RefusalCode::Wire);
    assert!(!refused.is_transient());
    assert_eq!(hub.strangers().native, 1);
    let hub = Socket::builder().native(Access::Loopback).build();
    let stream = serve(&hub).connect().await.unwrap();
    let session = worker("worker").0.serve(stream).await.unwrap();
    assert_eq!(session.name(), "worker");
}

/// Byte by byte, so that each is recognized by no more than it takes.
#[tokio::test(start_paused = true)]
async fn strangers_are_counted_by_what_they_speak() {
    let hub = Socket::default();
    let connector = serve(&hub);
    for stranger in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"SSH-2.0-OpenSSH\r\n",
        b"{\"t\":\"hello\"}",
        b"\x03\x00\x00\x13\x0e\xe0\x00\x00",
        b"\xB2brpc\r\n",
        b"\x00",
        b"\x80",
    ] {
        let mut stream = connector.connect().await.unwrap();
        let mut sent = 0;
        // A byte that comes after the hub has closed is not accepted.
        while sent < stranger.len() && stream.write_all(&stranger[sent..=sent]).await.is_ok() {
            sent += 1;
            tokio::task::yield_now().await;
        }
        let mut rest = Vec::new();
        drop(stream.shutdown().await);
        stream.read_to_end(&mut rest).await.unwrap();
        let said = String::from_utf8_lossy(&rest);
        match stranger[0] {
            b'G' | b'P' => assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("brpc hub")),
            b'S' | b'{' => assert!(said.contains("brpc hub"), "{said}"),
            0x16 => assert_eq!(rest, [0x15, 3, 1, 0, 2, 2, 70]),
            _ => assert_eq!(rest, b"", "nobody would understand it"),
        }
    }
    let strangers = hub.strangers();
    let counted = (strangers.http, strangers.tls, strangers.ssh, strangers.json, strangers.unknown);
    assert_eq!(counted, (2, 1, 1, 1, 4), "{strangers:?}");
    assert_eq!(strangers.total(), 9);
}

/// A plugin of this wire sends its description at once; it waits for the same room as native ones.
#[tokio::test(start_paused = true)]
async fn introductions_that_never_end_keep_no_plugin_out() {
    let hub = Socket::builder().max_description_bytes(64 << 10).build();
    let connector = serve(&hub);
    let methods: Vec<_> = (0..1_000).map(|n| format!("Method{n:0>20}")).collect();
    let methods: Vec<_> = methods.iter().map(|method| &**method).collect();
    let long = |name| info(name, &methods);
    let start = Instant::now();
    let mut endless = Vec::new();
    for name in ["one", "two", "three"] {
        let mut raw = Raw::new(connector.connect().await.unwrap());
        raw.say_half_of(&long(name)).await;
        endless.push(raw);
    }
    crate::support::settle().await;
    let _short = Raw::plugin(&connector, &info("short", &["Method"])).await;
    hub.wait_for("short", LONG).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let _long = Raw::plugin(&connector, &long("long")).await;
    hub.wait_for("long", LONG).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(endless[0].refusal().await.contains("long descriptions"));
}

/// A Go program may dial, prepare, and only then call `Start`.
#[tokio::test(start_paused = true)]
async fn a_go_program_may_be_silent_at_first() {
    let hub = Socket::default();
    let connector = serve(&hub);
    let mut late = Raw::new(connector.connect().await.unwrap());
    sleep(29 * SECOND).await;
    late.introduce(&info("late", &["Greet"])).await;
    hub.wait_for("late", SECOND).await.unwrap();

    let mut never = Raw::new(connector.connect().await.unwrap());
    let start = Instant::now();
    let said = never.refusal().await;
    assert!(said.contains("within 30s"), "{said}");
    assert_eq!(start.elapsed(), 30 * SECOND);

    // Only silence may take so long.
    let mut slow = Raw::new(connector.connect().await.unwrap());
    sleep(20 * SECOND).await;
    let start = Instant::now();
    slow.say_half_of(&info("slow", &["Greet"])).await;
    let said = slow.refusal().await;
    assert!(said.contains("more than 5s"), "{said}");
    assert_eq!(start.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn only_where_go_programs_are_accepted() {
    let silent = async |hub: Socket| {
        let start = Instant::now();
        let mut stream = serve(&hub).connect().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        start.elapsed().as_secs()
    };
    assert_eq!(silent(Socket::builder().gob(Access::Off).build()).await, 5);
    assert_eq!(silent(Socket::builder().gob_silence(60 * SECOND).build()).await, 60);
    assert_eq!(silent(Socket::builder().gob_silence(SECOND).build()).await, 5);
}
