//! Which plugins the hub registers, and what it tells the others: byte by byte.

use std::error::Error as _;
use std::time::Duration;

use brpc::auth::Tokens;
use brpc::{
    Access, ConnectError, DisconnectReason, Event, Limits, MemoryConnector, MemoryListener, Plugin,
    RefusalCode, Socket, Token,
};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep, timeout};

use crate::support::peer::{
    DESCRIPTION, Fields, Hello, PREFACE, Peer, Writer, farewell, frame, kind, refusal, refusal_of,
};
use crate::support::worker::worker;
use crate::support::{ROOM, eventually, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// How the hub answers these first bytes.
async fn refused(bytes: &[u8]) -> u64 {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    peer.send(bytes).await;
    let code = peer.refused().await;
    assert!(hub.connected().is_empty());
    code
}

fn hello(hello: &Hello<'_>) -> Vec<u8> {
    [&PREFACE[..], &frame(kind::HELLO, &hello.body())].concat()
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_says_it_right_is_let_in() {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello::new("peer")).await;
    peer.hear_preface().await;
    assert_eq!(peer.expect(kind::ACCEPTED).await.body, [1]);
    peer.send_frame(kind::DESCRIBE, &DESCRIPTION).await;
    let welcome = peer.expect(kind::WELCOME).await;
    let Fields(body) = welcome.fields();
    // Version, the hub's versions, the plugin's, features, epoch.
    assert_eq!(&body[..6], [1, 1, 1, 1, 1, 0]);
    let mut fields = Fields(&body[22..]);
    assert_eq!((fields.text(), fields.number()), ("peer".to_owned(), 1));
    // Largest frame, calls at once, credit, extensions.
    let rest = [(); 5].map(|()| fields.number());
    assert_eq!(rest, [1 << 20, 1_024, 1_024, 2 << 20, 0]);
    assert!(fields.0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_may_come_byte_by_byte_or_in_one_piece() {
    let bytes = [hello(&Hello::new("peer")), frame(kind::DESCRIBE, &DESCRIPTION)].concat();
    for size in [1, 7, bytes.len()] {
        let hub = Socket::default();
        let mut peer = Peer::dial(&hub);
        for piece in bytes.chunks(size) {
            peer.send(piece).await;
            settle().await;
        }
        peer.hear_preface().await;
        peer.expect(kind::ACCEPTED).await;
        peer.expect(kind::WELCOME).await;
        assert_eq!(hub.connected().len(), 1);
    }
}

/// What comes right behind the handshake belongs to the session.
#[tokio::test(start_paused = true)]
async fn h27_nothing_is_lost_where_the_session_begins() {
    let hub = Socket::default();
    let mut events = hub.events();
    let mut peer = Peer::dial(&hub);
    let bytes = [
        hello(&Hello::new("peer")),
        frame(kind::DESCRIBE, &DESCRIPTION),
        frame(kind::EVENT, b"5"),
        frame(kind::GOODBYE, &[1, 0]),
    ];
    peer.send(&bytes.concat()).await;
    assert!(matches!(events.next().await, Some(Event::Connected(_))));
    let Some(Event::Message(message)) = events.next().await else { panic!() };
    assert_eq!(message.decode(), Ok(5));
    let Some(Event::Disconnected(_, reason)) = events.next().await else { panic!() };
    assert_eq!(reason, DisconnectReason::Clean);
}

#[tokio::test(start_paused = true)]
async fn h01_the_silent_are_refused_when_their_time_is_over() {
    let hub = Socket::builder().gob(Access::Off).build();
    let start = Instant::now();
    assert_eq!(Peer::dial(&hub).refused().await, refusal::HANDSHAKE_TIMEOUT);
    assert_eq!(start.elapsed().as_secs(), 5);
    let mut limits = Limits::default();
    limits.hello_deadline = SECOND;
    let hub = Socket::builder().limits(limits).gob(Access::Off).build();
    assert_eq!(Peer::dial(&hub).refused().await, refusal::HANDSHAKE_TIMEOUT);
    assert_eq!(start.elapsed().as_secs(), 6);
}

#[tokio::test(start_paused = true)]
async fn who_is_done_at_the_last_moment_is_let_in() {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    sleep(Duration::from_millis(4_990)).await;
    peer.say_hello(&Hello::new("peer")).await;
    peer.hear_welcome().await;
}

/// One byte at a time doesn't move the deadline.
#[tokio::test(start_paused = true)]
async fn h02_the_slow_are_refused_when_their_time_is_over() {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    let start = Instant::now();
    for byte in hello(&Hello::new("peer")) {
        peer.send(&[byte]).await;
        sleep(SECOND).await;
        if start.elapsed() > 6 * SECOND {
            break;
        }
    }
    assert_eq!(peer.refused().await, refusal::HANDSHAKE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn those_who_do_not_describe_themselves_are_refused() {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello::new("peer")).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    let start = Instant::now();
    assert_eq!(peer.refused_after_preface().await, refusal::HANDSHAKE_TIMEOUT);
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(plug(&hub, &worker("peer").0).await.name, "peer", "no name was reserved");
}

/// Closed as soon as they are recognized, and sent nothing that they wouldn't understand.
#[tokio::test(start_paused = true)]
async fn h07_strangers_are_closed_at_once() {
    let hub = Socket::default();
    let mut wrong = PREFACE;
    wrong[5] = b'\r';
    for stranger in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01", b"SSH-2.0-x\r\n", b"{\"", &wrong]
    {
        let mut peer = Peer::dial(&hub);
        peer.send(stranger).await;
        let start = Instant::now();
        assert!(!peer.rest().await.starts_with(&PREFACE));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn h08_versions_that_the_hub_does_not_speak() {
    let hub = Socket::default();
    for versions in [(2, 9), (0, 0)] {
        let mut peer = Peer::dial(&hub);
        peer.say_hello(&Hello { versions, ..Hello::new("peer") }).await;
        peer.hear_preface().await;
        let refused = peer.expect(kind::REFUSED).await;
        let mut fields = refused.fields();
        assert_eq!(fields.number(), refusal::VERSION);
        fields.text();
        // No time after which a retry would help, and the protocol that the hub speaks.
        assert_eq!(fields.0, [0, 1, 1]);
    }
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello { versions: (0, 200), ..Hello::new("peer") }).await;
    peer.hear_welcome().await;
}

#[tokio::test(start_paused = true)]
async fn h11_names_and_versions_that_break_their_rule() {
    for name in ["", ".", "../a", "a/b", "a b", "a\n", "a\0", "a*", "\u{1b}[31m", "\u{202e}a"] {
        assert_eq!(refused(&hello(&Hello::new(name))).await, refusal::BAD_NAME, "{name:?}");
    }
    for version in ["\u{e4}", "1\n", &"1".repeat(65)] {
        let bytes = hello(&Hello { version, ..Hello::new("peer") });
        assert_eq!(refused(&bytes).await, refusal::BAD_VERSION, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn frames_that_are_no_hello() {
    let with_preface = |bytes: &[u8]| [&PREFACE[..], bytes].concat();
    let body = Hello::new("peer").body();
    let longer = [&body[..], &[0]].concat();
    let not_text = Writer::default().raw(&[1, 1, 0, 0xFF, 0x7F, 1, 1, 0xFF]).0;
    for (what, bytes) in [
        ("a length of 4 GiB", vec![0xFF; 4]),
        ("one byte too much", vec![0, 0, 0x10, 1]),
        ("an empty frame", vec![0; 4]),
        ("another frame", frame(kind::EVENT, b"1")),
        ("a frame of the hub", frame(kind::WELCOME, &body)),
        ("a frame of no kind", frame(0xFF, &body)),
        ("trailing bytes", frame(kind::HELLO, &longer)),
        ("too few bytes", frame(kind::HELLO, &body[..20])),
        ("no text", frame(kind::HELLO, &not_text)),
        ("small frames", hello(&Hello { max_frame: 100, ..Hello::new("peer") })[8..].to_vec()),
    ] {
        assert_eq!(refused(&with_preface(&bytes)).await, refusal::PROTOCOL, "{what}");
    }
}

/// How the hub answers this description, whose digest is announced rightly or not.
async fn described(digest: [u8; 32], body: &[u8]) -> u64 {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello { digest, ..Hello::new("peer") }).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    peer.send_frame(kind::DESCRIBE, body).await;
    let code = peer.refused_after_preface().await;
    assert!(hub.connected().is_empty());
    code
}

#[tokio::test(start_paused = true)]
async fn descriptions_that_break_a_rule() {
    let any = [0; 32];
    let method = |name: &str| Writer::default().text(name).text("").raw(&[0, 0]).0;
    let methods =
        |count: u64, encoded: &[Vec<u8>]| Writer::default().number(count).raw(&encoded.concat()).0;
    let schema = |text: &str| {
        Writer::default().number(1).text("f").text("").raw(&[1]).text(text).raw(&[0]).0
    };
    assert_eq!(described(any, &DESCRIPTION).await, refusal::PROTOCOL, "another digest");
    assert_eq!(described(any, &methods(u64::from(u32::MAX), &[])).await, refusal::TOO_MANY_METHODS);
    for (what, body) in [
        ("fewer than announced", methods(2, &[method("a")])),
        ("more than announced", methods(1, &[method("a"), method("b")])),
        ("a name twice", methods(2, &[method("a"), method("a")])),
        ("a bad name", methods(1, &[method("a b")])),
        ("a reserved name", methods(1, &[method("brpc.ping")])),
        ("a schema that is none", schema("5")),
        ("a schema that is no JSON", schema("{")),
        ("a schema that is a bomb", schema(&"[".repeat(24_000))),
    ] {
        assert_eq!(described(any, &body).await, refusal::BAD_DESCRIPTION, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn h23_hello_again_when_it_was_let_in() {
    let hub = Socket::default();
    let mut events = hub.events();
    let mut peer = Peer::plugged(&hub, "peer").await;
    peer.send_frame(kind::HELLO, &Hello::new("another").body()).await;
    assert_eq!(peer.expect(kind::GOODBYE).await.fields().number(), farewell::PROTOCOL);
    assert_eq!(peer.frame().await, None);
    assert!(matches!(events.next().await, Some(Event::Connected(_))));
    let Some(Event::Disconnected(_, reason)) = events.next().await else { panic!() };
    assert!(matches!(reason, DisconnectReason::Protocol(_)), "{reason:?}");
}

#[tokio::test(start_paused = true)]
async fn h24_one_who_leaves_right_after_hello_leaves_nothing_behind() {
    let hub = Socket::default();
    let mut events = hub.events();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello::new("peer")).await;
    drop(peer);
    settle().await;
    assert!(hub.connected().is_empty());
    assert!(timeout(SECOND, events.next()).await.is_err(), "nothing was seen of it");
}

/// How a plugin ends when a hub answers its Hello so, and closes or not.
async fn answered(answer: &[u8], closes: bool) -> ConnectError {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let serving = tokio::spawn(async move {
        match worker("worker").0.serve(theirs).await {
            Ok(session) => panic!("{session:?}"),
            Err(error) => error,
        }
    });
    let mut hub = Peer::new(ours);
    hub.hear_preface().await;
    hub.expect(kind::HELLO).await;
    hub.send(answer).await;
    if closes {
        drop(hub);
        return serving.await.unwrap();
    }
    let error = serving.await.unwrap();
    let mut rest = Vec::new();
    let _ = hub.stream.read_to_end(&mut rest).await;
    error
}

#[tokio::test(start_paused = true)]
async fn a_plugin_can_read_every_reason() {
    let reasons = [
        (1, RefusalCode::Version),
        (2, RefusalCode::BadName),
        (3, RefusalCode::BadVersion),
        (4, RefusalCode::TooManyMethods),
        (5, RefusalCode::BadDescription),
        (6, RefusalCode::NameTaken),
        (7, RefusalCode::Full),
        (8, RefusalCode::ShuttingDown),
        (9, RefusalCode::HandshakeTimeout),
        (10, RefusalCode::Protocol),
        (11, RefusalCode::BadLabels),
        (999, RefusalCode::Other(999)),
    ];
    for (number, code) in reasons {
        for closes in [false, true] {
            let error = answered(&refusal_of(number, &[0]), closes).await;
            let ConnectError::Refused(refused) = error else { panic!("{error:?}") };
            assert_eq!((refused.code, &*refused.message), (code, "because"));
            assert_eq!(refused.retry_after, None);
        }
    }
    let wait = Writer::default().raw(&[1]).number(1_500).0;
    let error = answered(&refusal_of(8, &wait), false).await;
    assert_eq!(error.to_string(), "refused by the hub: because");
    assert!(error.source().is_none(), "it is not said twice");
    let ConnectError::Refused(refused) = error else { panic!("{error:?}") };
    assert_eq!(refused.retry_after, Some(Duration::from_millis(1_500)));
}

/// The hub has refused and closed before the plugin has sent anything.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_read_by_a_plugin_that_is_writing() {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let mut hub = Peer::new(ours);
    hub.send(&refusal_of(refusal::FULL, &[0])).await;
    drop(hub);
    let Err(ConnectError::Refused(refused)) = worker("worker").0.serve(theirs).await else {
        panic!()
    };
    assert_eq!(refused.code, RefusalCode::Full);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_no_hub() {
    for (answer, is_protocol) in [(&b"HTTP/1.1 400 Bad Request\r\n"[..], true), (b"", false)] {
        let error = answered(answer, true).await;
        assert!(error.to_string().ends_with("; is the peer a brpc hub?"), "{error}");
        let ConnectError::Lost(reason) = error else { panic!("{error:?}") };
        assert_eq!(matches!(reason, DisconnectReason::Protocol(_)), is_protocol, "{reason:?}");
    }
    let start = Instant::now();
    let error = answered(b"", false).await;
    assert!(matches!(error, ConnectError::TimedOut), "{error:?}");
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_not_let_in_yet_stops_when_it_is_dropped() {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let (plugin, _): (Plugin<_>, _) = worker("worker");
    timeout(SECOND, plugin.serve(theirs)).await.unwrap_err();
    let mut hub = Peer::new(ours);
    hub.hear_preface().await;
    hub.expect(kind::HELLO).await;
    assert_eq!(hub.frame().await, None);
}

/// When as many are in their handshake as may be, the one that is silent for longest makes room.
#[tokio::test(start_paused = true)]
async fn silent_connections_keep_no_plugin_out() {
    let hub = Socket::builder().max_handshakes(4).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);
    let mut describing = Peer::new(connector.connect().await.unwrap());
    describing.say_hello(&Hello::new("describing")).await;
    let mut silent = Vec::new();
    for said in [&[][..], &PREFACE[..1], &PREFACE] {
        let mut peer = Peer::new(connector.connect().await.unwrap());
        peer.send(said).await;
        silent.push(peer);
    }
    settle().await;
    let start = Instant::now();
    let _plugged = worker("worker").0.serve(connector.connect().await.unwrap()).await.unwrap();
    assert_eq!(silent.remove(0).refused().await, refusal::FULL);
    // Those that dial again make room as well.
    for number in 0..100 {
        silent.push(Peer::new(connector.connect().await.unwrap()));
        if number % 10 == 0 {
            let plugin = worker(&format!("worker-{number}")).0;
            let _ = plugin.serve(connector.connect().await.unwrap()).await.unwrap();
        }
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    // One that has said Hello has its place all the while.
    describing.hear_welcome().await;
}

/// Of those that have said Hello and describe nothing, the oldest makes room.
#[tokio::test(start_paused = true)]
async fn plugins_that_stop_after_hello_keep_no_plugin_out() {
    const TOKEN: &str = "a-token-0123456789";
    let open = Socket::builder();
    let asking = Socket::builder().authenticator(Tokens::text(TOKEN).unwrap());
    for builder in [open, asking] {
        let hub = builder.max_handshakes(2).build();
        let (connector, listener) = MemoryListener::new();
        let _serving = hub.serve(listener);
        let mut stopped = Vec::new();
        for name in ["one", "two"] {
            let mut peer = Peer::new(connector.connect().await.unwrap());
            let extensions = vec![(4, TOKEN.as_bytes().to_vec())];
            peer.say_hello(&Hello { extensions, ..Hello::new(name) }).await;
            peer.hear_preface().await;
            peer.expect(kind::ACCEPTED).await;
            stopped.push(peer);
        }
        let start = Instant::now();
        let plugin = worker("worker").0.token(Token::text(TOKEN));
        let _ = plugin.serve(connector.connect().await.unwrap()).await.unwrap();
        assert_eq!(stopped.remove(0).refused_after_preface().await, refusal::FULL);
        assert_eq!(start.elapsed(), Duration::ZERO);
        stopped[0].send_frame(kind::DESCRIBE, &DESCRIPTION).await;
        stopped[0].expect(kind::WELCOME).await;
    }
}

/// A plugin whose description has so many bytes, and some.
fn verbose(name: &str, bytes: usize) -> Plugin<impl brpc::Receiver + use<>> {
    let text = "x".repeat(bytes);
    worker(name).0.describe("echo", move |function| function.description.clone_from(&text))
}

/// A peer that sends this much of a description that doesn't end.
async fn endless(connector: &MemoryConnector, bytes: usize) -> Peer {
    let mut peer = Peer::new(connector.connect().await.unwrap());
    peer.say_hello(&Hello { digest: [7; 32], ..Hello::new("endless") }).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    peer.send(&[0, 0x10, 0, 0, kind::DESCRIBE]).await;
    peer.send(&vec![b'x'; bytes]).await;
    peer
}

/// All descriptions together have so much room, and nobody keeps it for long while others wait.
#[tokio::test(start_paused = true)]
async fn descriptions_that_never_end_keep_no_plugin_out() {
    let hub = Socket::builder().max_description_bytes(64 << 10).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);
    let start = Instant::now();
    let mut endless_ones = Vec::new();
    for _ in 0..20 {
        endless_ones.push(endless(&connector, 16 << 10).await);
    }
    settle().await;
    // A short description needs none of it.
    let _ = worker("short").0.serve(connector.connect().await.unwrap()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let plugin = verbose("long", 40 << 10);
    let _long = plugin.serve(connector.connect().await.unwrap()).await.unwrap();
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
    assert_eq!(endless_ones.remove(0).refused_after_preface().await, refusal::FULL);
}

/// Each waits for its turn, and none is refused, as long as they go on.
#[tokio::test(start_paused = true)]
async fn many_long_descriptions_at_once_are_all_taken() {
    let hub = Socket::builder().max_description_bytes(64 << 10).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);
    let start = Instant::now();
    let plugins = (0..50).map(|number| {
        let (plugin, connector) = (verbose(&format!("long-{number}"), 40 << 10), &connector);
        async move { plugin.serve(connector.connect().await.unwrap()).await }
    });
    let sessions = futures_util::future::join_all(plugins).await;
    assert!(sessions.iter().all(Result::is_ok), "{sessions:?}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn those_let_in_hold_no_place_of_a_handshake() {
    let hub = Socket::builder().max_handshakes(1).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);
    for number in 0..10 {
        let session = worker(&format!("worker-{number}")).0;
        let session = session.serve(connector.connect().await.unwrap()).await.unwrap();
        tokio::spawn(session.run());
    }
    // Nor those that failed.
    for _ in 0..10 {
        drop(connector.connect().await.unwrap());
    }
    let stream = connector.connect().await.unwrap();
    assert_eq!(worker("last").0.serve(stream).await.unwrap().name(), "last");
    eventually(|| hub.connected().len() == 10).await;
}
