use brpc::{ConnectError, DisconnectReason, MemoryListener, ProtocolError, Socket, Strangers};
use futures_util::FutureExt as _;
use tokio::time::{Duration, Instant};
use tracing::Level;

use crate::support::peer::{DESCRIPTION, Hello, PREFACE, Peer, Writer, frame, kind, refusal};
use crate::support::settle;
use crate::support::traced::{levels, said, trace};
use crate::support::worker::worker;

/// How the hub refuses these first bytes: with which code, and in which words.
async fn refused(hub: &Socket, bytes: &[u8]) -> (u64, String) {
    let mut peer = Peer::dial(hub);
    peer.send(bytes).await;
    peer.hear_preface().await;
    let refused = peer.expect(kind::REFUSED).await;
    assert_eq!(peer.frame().await, None);
    let mut fields = refused.fields();
    (fields.number(), fields.text())
}

fn hello(name: &str) -> Vec<u8> {
    [&PREFACE[..], &frame(kind::HELLO, &Hello::new(name).body())].concat()
}

/// How the hub refuses this description, whose digest is not looked at before it.
async fn refused_description(hub: &Socket, body: &[u8]) -> (u64, String) {
    let mut peer = Peer::dial(hub);
    peer.say_hello(&Hello { digest: [0; 32], ..Hello::new("peer") }).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    peer.send_frame(kind::DESCRIBE, body).await;
    let refused = peer.expect(kind::REFUSED).await;
    assert!(hub.connected().is_empty());
    let mut fields = refused.fields();
    (fields.number(), fields.text())
}

fn described(methods: &[&str]) -> Vec<u8> {
    let begin = Writer::default().number(methods.len() as u64);
    methods.iter().fold(begin, |body, name| body.text(name).text("").raw(&[0, 0])).0
}

#[tokio::test(start_paused = true)]
async fn h03_of_ten_thousand_silent_ones_no_more_are_held_than_have_a_place() {
    const PLACES: usize = 1_024;
    let hub = Socket::builder().max_handshakes(PLACES).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);
    let start = Instant::now();
    let mut silent = Vec::new();
    for number in 0..10_000 {
        let mut peer = Peer::new(connector.connect().await.unwrap());
        peer.send(&PREFACE[..number % 8]).await;
        silent.push(peer);
    }
    let _good = worker("worker").0.serve(connector.connect().await.unwrap()).await.unwrap();
    settle().await;
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody was waited for");
    let held = silent.into_iter().filter_map(|peer| {
        tokio::task::unconstrained(peer.rest()).now_or_never().is_none().then_some(())
    });
    let held = held.count();
    assert!((PLACES - 1..=PLACES).contains(&held), "{held}");
}

#[tokio::test(start_paused = true)]
async fn h04_a_length_of_4_gib_is_refused_at_its_four_bytes() {
    let (hub, start) = (Socket::default(), Instant::now());
    let bytes = [&PREFACE[..], &[0xFF; 4]].concat();
    assert_eq!(refused(&hub, &bytes).await.0, refusal::PROTOCOL);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// And at the last length that is allowed it is waited for.
#[tokio::test(start_paused = true)]
async fn h05_a_byte_above_4_kib_is_refused_before_it_comes() {
    let (hub, start) = (Socket::default(), Instant::now());
    let begun = |length: u32| [&PREFACE[..], &length.to_be_bytes(), &[kind::HELLO]].concat();
    assert_eq!(refused(&hub, &begun(4_097)).await.0, refusal::PROTOCOL);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(refused(&hub, &begun(4_096)).await.0, refusal::HANDSHAKE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn h06_an_empty_frame_is_refused() {
    let bytes = [&PREFACE[..], &[0; 4]].concat();
    assert_eq!(refused(&Socket::default(), &bytes).await.0, refusal::PROTOCOL);
}

/// The hub repeats what both sides have offered, and a plugin that has offered something else goes.
#[tokio::test(start_paused = true)]
async fn h09_versions_that_were_changed_on_their_way_end_the_connection() {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello { versions: (0, 200), ..Hello::new("peer") }).await;
    peer.hear_preface().await;
    peer.expect(kind::ACCEPTED).await;
    peer.send_frame(kind::DESCRIBE, &DESCRIPTION).await;
    let welcome = peer.expect(kind::WELCOME).await.body;
    assert_eq!(welcome[..5], [1, 1, 1, 0, 200], "the highest that both speak, and both offers");

    for said in [[1, 1, 1, 0, 1], [1, 1, 1, 1, 2], [0, 0, 1, 1, 1], [2, 2, 2, 1, 1]] {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(async move { worker("worker").0.serve(theirs).await.map(drop) });
        let mut hub = Peer::new(ours);
        hub.hear_preface().await;
        hub.expect(kind::HELLO).await;
        hub.send(&PREFACE).await;
        hub.send_frame(kind::ACCEPTED, &[0]).await;
        hub.send_frame(kind::WELCOME, &[&said[..], &welcome[5..]].concat()).await;
        let error = serving.await.unwrap().unwrap_err();
        let ConnectError::Lost(reason) = error else { panic!("{said:?}: {error:?}") };
        assert_eq!(reason, DisconnectReason::Protocol(ProtocolError::VersionMismatch), "{said:?}");
    }
}

/// The answer says the rule and not the name.
#[tokio::test(start_paused = true)]
async fn h10_names_that_are_none_or_too_long_are_refused_with_the_rule() {
    let hub = Socket::default();
    for name in ["", &"n".repeat(129), &"n".repeat(3_900)] {
        let (code, text) = refused(&hub, &hello(name)).await;
        assert_eq!(code, refusal::BAD_NAME);
        assert!(text.contains("128") && !text.contains("nnn"), "{text}");
    }
    // More than a frame holds.
    assert_eq!(refused(&hub, &hello(&"n".repeat(100_000))).await.0, refusal::PROTOCOL);
    assert!(hub.connected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn h11_what_a_name_has_in_it_reaches_neither_the_answer_nor_the_log() {
    trace();
    let hub = Socket::default();
    for name in ["canary-h11\u{1b}[2J", "canary-h11\r\nplugin connected", "canary-h11\u{202e}"] {
        let (code, text) = refused(&hub, &hello(name)).await;
        assert_eq!(code, refusal::BAD_NAME);
        assert!(!text.contains("canary"), "{text}");
    }
    let lines = said("canary-h11");
    assert!(
        lines.iter().all(|line| !line.contains(['\u{1b}', '\n', '\r', '\u{202e}'])),
        "{lines:?}"
    );
    // Half of a surrogate pair is no text at all.
    let mut body = Hello::new("n##").body();
    let place = body.windows(2).position(|bytes| bytes == b"##").unwrap();
    body.splice(place - 1..place + 2, *b"\xED\xA0\x80");
    let bytes = [&PREFACE[..], &frame(kind::HELLO, &body)].concat();
    assert_eq!(refused(&hub, &bytes).await.0, refusal::PROTOCOL);
}

#[tokio::test(start_paused = true)]
async fn h12_a_name_that_looks_like_another_is_none() {
    let hub = Socket::default();
    let _payments = Peer::plugged(&hub, "payments").await;
    for name in ["p\u{430}yments", "\u{ff50}ayments", "payment\u{455}", "pay\u{200d}ments"] {
        assert_eq!(refused(&hub, &hello(name)).await.0, refusal::BAD_NAME, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn h14_methods_of_one_name_or_of_a_reserved_one_are_refused_and_named() {
    let hub = Socket::default();
    let (code, text) = refused_description(&hub, &described(&["one", "two", "one"])).await;
    assert_eq!(code, refusal::BAD_DESCRIPTION);
    assert!(text.contains("two methods are named `one`"), "{text}");
    let (code, text) = refused_description(&hub, &described(&["one", "brpc.ping"])).await;
    assert_eq!(code, refusal::BAD_DESCRIPTION);
    assert!(text.contains("method number 1") && text.contains("brpc."), "{text}");
}

/// On a thread whose stack a decoder that calls itself for each level would leave.
#[test]
fn h15_schemas_of_12_000_levels_do_not_reach_the_end_of_a_small_stack() {
    let deep = |open: &str, close: &str| open.repeat(12_000) + "1" + &close.repeat(12_000);
    let schemas = [deep("[", "]"), deep("{\"a\":", "}"), "[".repeat(24_000)];
    let hub_on_a_small_stack = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let hub = Socket::default();
            for schema in schemas {
                let method = Writer::default().number(1).text("f").text("");
                let body = method.raw(&[1]).text(&schema).raw(&[0]).0;
                let (code, text) = refused_description(&hub, &body).await;
                assert_eq!(code, refusal::BAD_DESCRIPTION, "{text}");
            }
        });
    };
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(hub_on_a_small_stack);
    thread.unwrap().join().unwrap();
}

/// A schema is stored as it came: what it refers to is looked up by nobody who lets plugins in.
#[tokio::test(start_paused = true)]
async fn h17_a_schema_that_is_its_own_part_is_not_followed() {
    let hub = Socket::default();
    let schema =
        r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##;
    let method = Writer::default().number(1).text("f").text("");
    let body = method.raw(&[1]).text(schema).raw(&[1]).text(schema).0;
    // It comes as far as the digest.
    let (code, text) = refused_description(&hub, &body).await;
    assert_eq!((code, text.contains("not the one announced")), (refusal::PROTOCOL, true), "{text}");
}

#[tokio::test(start_paused = true)]
async fn h23_what_comes_before_its_time_is_refused_and_creates_nothing() {
    let hub = Socket::default();
    let mut events = hub.events();
    let first = |kind, body: &[u8]| [&PREFACE[..], &frame(kind, body)].concat();
    for bytes in
        [first(kind::DESCRIBE, &DESCRIPTION), first(kind::REPLY, &[1]), first(kind::EVENT, b"1")]
    {
        assert_eq!(refused(&hub, &bytes).await.0, refusal::PROTOCOL);
    }
    let again = frame(kind::HELLO, &Hello::new("another").body());
    for bytes in [&again[..], &frame(kind::REPLY, &[1]), &frame(kind::EVENT, b"1")] {
        let mut peer = Peer::dial(&hub);
        peer.say_hello(&Hello::new("peer")).await;
        peer.hear_preface().await;
        peer.expect(kind::ACCEPTED).await;
        peer.send(bytes).await;
        assert_eq!(peer.refused_after_preface().await, refusal::PROTOCOL);
    }
    settle().await;
    assert!(hub.connected().is_empty());
    assert!(events.next().now_or_never().is_none(), "nothing was seen of any");
}

/// By its first bytes, however they come. None of them writes a line at the levels that are usually kept.
#[tokio::test(start_paused = true)]
async fn h07_a_stranger_is_known_by_its_first_bytes_and_counted_by_kind() {
    /// What one says, in how many bytes it is known, and where it is counted.
    type Kind = (&'static [u8], usize, fn(&Strangers) -> u64);
    trace();
    let kinds: [Kind; 7] = [
        (b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n", 18, |it| it.http),
        (b"POST /a HTTP/1.1\r\nHost: hub\r\n\r\n", 18, |it| it.http),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 8, |it| it.tls),
        (b"SSH-2.0-OpenSSH_9.9\r\n", 8, |it| it.ssh),
        (b"{\"jsonrpc\":\"2.0\"}", 8, |it| it.json),
        // Of RDP: a TPKT, with a connection request in it.
        (b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03", 8, |it| it.unknown),
        (b"\xB2brpc\r\x01\x00", 8, |it| it.unknown),
    ];
    for (bytes, most, count) in kinds {
        let hub = Socket::default();
        let mut peer = Peer::dial(&hub);
        let mut sent = 0;
        while hub.strangers().total() == 0 {
            assert!(sent < most, "{:?}", bytes.escape_ascii().to_string());
            peer.send(&bytes[sent..=sent]).await;
            sent += 1;
            settle().await;
        }
        assert_eq!(count(&hub.strangers()), 1, "{:?}", bytes.escape_ascii().to_string());
        assert!(!peer.rest().await.starts_with(&PREFACE));
    }
    for line in ["another protocol is spoken", "a handshake ended"] {
        let levels = levels(line);
        assert!(!levels.is_empty() && levels.iter().all(|&level| level == Level::DEBUG), "{line}");
    }
}
