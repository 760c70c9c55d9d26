use brpc::{CallErrorKind, Event, MethodError, Plugin, Selector, Socket};
use serde_json::{Value, json};

use crate::support::peer::{Hello, Peer, Writer, kind, refusal};
use crate::support::traced::{logged, said, trace};
use crate::support::worker::worker;
use crate::support::{plug, settle};

/// It gets an alert of its own protocol, and is counted.
#[tokio::test(start_paused = true)]
async fn a10_who_speaks_tls_to_a_plaintext_port_gets_an_alert_and_the_end() {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    // The begin of a record with a ClientHello.
    peer.send(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]).await;
    let answer = peer.rest().await;
    // An alert, of two bytes, that is fatal.
    assert_eq!((answer[0], &answer[3..6]), (0x15, &[0, 2, 2][..]), "{answer:02x?}");
    assert_eq!((hub.strangers().tls, hub.strangers().total()), (1, 1));
    assert!(hub.connected().is_empty());
}

/// Patterns are the hub's own; what a peer says is a text.
#[tokio::test(start_paused = true)]
async fn a17_what_a_peer_says_is_never_a_pattern() {
    let hub = Socket::default();
    let labels = |value: &str| {
        let bytes = Writer::default().number(1).text("zone").text(value).0;
        vec![(1, bytes)]
    };
    let mut peers = Vec::new();
    for (name, zone) in [("one", "*"), ("two", "e?"), ("three", "[a-z]")] {
        let hello = Hello { extensions: labels(zone), ..Hello::new(name) };
        peers.push(Peer::plugged_as(&hub, &hello).await);
    }
    for zone in ["eu", "e", ""] {
        let found = hub.connected_matching(&Selector::all().label("zone", zone));
        assert!(found.is_empty(), "{zone}: {found:?}");
    }
    assert_eq!(hub.connected_matching(&Selector::all().label("zone", "*")).len(), 1, "itself");
    // Nor is a name, or a method's, of which each is what it says.
    for name in ["*", "on?", "o*"] {
        let mut peer = Peer::dial(&hub);
        peer.say_hello(&Hello::new(name)).await;
        assert_eq!(peer.refused().await, refusal::BAD_NAME);
        let error = hub.call::<()>(name, "work", &()).await.unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::NoPlugin { .. }), "{error:?}");
        let error = hub.call::<()>("one", name, &()).await.unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::MethodNotFound { .. }), "{error:?}");
    }
}

/// What would write lines of its own, or move a terminal's cursor.
const ODD: &str = "\r\n2026-01-01 plugin connected\u{1b}[2J\u{202e}\0";

/// All texts of a peer that are logged: why it goes, how it begins, and what it is called.
#[tokio::test(start_paused = true)]
async fn a18_no_text_of_a_peer_writes_a_line_of_the_log() {
    trace();
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "a18-goodbye").await;
    let words = format!("can-a18 {}", ODD.repeat(2_000));
    peer.send_frame(kind::GOODBYE, &Writer::default().number(4).text(&words).0).await;
    peer.rest().await;
    let mut stranger = Peer::dial(&hub);
    stranger.send(b"can-a18\r\n\x1b[2J\r\n").await;
    stranger.rest().await;
    let mut json = Peer::dial(&hub);
    json.send(b"{\"can-a18\":\r\n\x1b[2J").await;
    json.rest().await;
    settle().await;
    assert!(!said("can-a18").is_empty() && !said("another protocol is spoken").is_empty());
    // In what other tests have logged, too.
    for line in said("") {
        assert!(!line.contains(['\r', '\n', '\u{1b}', '\u{202e}', '\0']), "{line:?}");
        assert!(line.len() < 4_096, "{} bytes", line.len());
    }
}

struct Teller;

#[brpc::plugin]
impl Teller {
    pub fn refuse(&self, why: String) -> Result<(), MethodError> {
        Err(MethodError::new("no", why.clone()).with_data(json!(why)))
    }

    pub fn number(&self, _number: u64) {}
}

/// At no level, whatever becomes of the call.
#[tokio::test(start_paused = true)]
async fn a20_no_payload_is_logged() {
    const CANARY: &str = "canary-a20";
    trace();
    let hub = Socket::default();
    let mut events = hub.events();
    plug(&hub, &worker("a20-worker").0).await;
    plug(&hub, &Plugin::new(Teller).name("a20-teller")).await;
    let mut peer = Peer::plugged(&hub, "a20-peer").await;
    assert!(!said("a20-worker").is_empty(), "what is logged is seen");
    let call = |plugin: &str, method: &str| {
        let call = hub.call::<Value>(plugin, method, &CANARY);
        call.trace(CANARY).metadata("secret", CANARY)
    };
    assert_eq!(call("a20-worker", "echo").await, Ok(CANARY.into()));
    let error = call("a20-teller", "refuse").await.unwrap_err();
    assert_eq!(error.method_error().unwrap().message(), CANARY);
    assert!(call("a20-teller", "number").await.is_err(), "an input that doesn't decode");
    assert!(hub.call::<u64>("a20-worker", "echo", &CANARY).await.is_err(), "nor does an output");
    assert!(call("a20-worker", "nothing-of-that-name").await.is_err());
    let outputs = hub.broadcast::<Value>("echo", &CANARY).collect().await;
    assert_eq!(outputs["a20-worker"], Ok(CANARY.into()));
    peer.send_frame(kind::EVENT, format!("\"{CANARY}\"").as_bytes()).await;
    loop {
        if let Some(Event::Message(message)) = events.next().await {
            assert_eq!(message.decode::<String>().unwrap(), CANARY);
            break;
        }
    }
    // Bytes that are no frame, and an answer to no call.
    peer.reply(99, &format!("\"{CANARY}\"")).await;
    peer.rest().await;
    hub.shutdown().await;
    settle().await;
    assert_eq!(said(CANARY), Vec::<String>::new());
    assert!(!logged("plugin", "\"a20-peer\"").is_empty());
}

/// Whoever is not let in leaves a number: counts have names of their own, and no peer's.
#[tokio::test(start_paused = true)]
async fn a21_names_of_strangers_make_no_counts() {
    let hub = Socket::default();
    let counts = || serde_json::to_value(hub.strangers()).unwrap();
    let before: Vec<_> = counts().as_object().unwrap().keys().cloned().collect();
    for number in 0..1_000 {
        let mut peer = Peer::dial(&hub);
        peer.say_hello(&Hello::new(&format!("a/{number}"))).await;
        assert_eq!(peer.refused().await, refusal::BAD_NAME);
        let mut stranger = Peer::dial(&hub);
        stranger.send(format!("{number} of nothing\n").as_bytes()).await;
        stranger.rest().await;
    }
    assert_eq!(hub.strangers().unknown, 1_000);
    let after: Vec<_> = counts().as_object().unwrap().keys().cloned().collect();
    assert_eq!(before, after);
    assert!(hub.presence().is_empty() && hub.connected().is_empty());
    assert_eq!(hub.held_bytes(), 0);
}
