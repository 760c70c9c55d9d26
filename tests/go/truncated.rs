//! What a Go plugin says, cut at every byte.

use brpc::{CallError, CallErrorKind, DisconnectReason, Socket};
use brpc_gob::Reader;
use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::gob::size_of_uint;
use crate::good::{Good, serve};
use crate::peer::Peer;
use crate::scenario::{GUARD, eventually, growth, note, within};
use crate::{go_plugin, toolchain};

/// Answers to five calls, with three events before the fourth.
struct Conversation {
    said: Vec<u8>,
    /// Where messages end, those of definitions, too.
    boundaries: Vec<usize>,
    /// Where the introduction ends, and each answer to a call.
    introduced: usize,
    answered: Vec<usize>,
}

/// The calls, in their order.
fn calls() -> [(&'static str, Value); 5] {
    [
        ("Greet", json!({"name": "Ada"})),
        ("Fail", json!({"text": "no such luck"})),
        ("Panic", json!({"text": "oh no"})),
        ("Emit", json!({"count": 3, "text": "tick"})),
        ("Nothing", Value::Null),
    ]
}

impl Conversation {
    /// Has a Go plugin say it: the golden one has other numbers, since a Go hub made those calls.
    async fn record() -> Self {
        let file = toolchain::scratch("conversation.bin");
        let (hub, address) = serve(Socket::builder()).await;
        let program = go_plugin::start(address, "go", &["-capture", file.to_str().unwrap()]);
        hub.wait_for("go", GUARD).await.unwrap();
        for (method, input) in calls() {
            let _ = hub.call::<Value>("go", method, &input).await;
        }
        hub.shutdown().await;
        go_plugin::assert_left(program).await;
        Self::of(std::fs::read(file).unwrap())
    }

    fn of(said: Vec<u8>) -> Self {
        let (mut reader, mut rest) = (Reader::new(), BytesMut::from(&said[..]));
        reader.plugin_info(&mut rest, said.len()).unwrap().unwrap();
        let (introduced, mut answered) = (said.len() - rest.len(), Vec::new());
        while let Some(envelope) = reader.envelope(&mut rest, said.len()).unwrap() {
            if envelope.method != "Async" {
                answered.push(said.len() - rest.len());
            }
        }
        let (mut boundaries, mut at) = (Vec::new(), 0);
        while at < said.len() {
            let size = size_of_uint(said[at]);
            // The length itself, or the first byte says how many there are of it.
            let digits = &said[at + usize::from(size > 1)..at + size];
            at += size + digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            boundaries.push(at);
        }
        Self { said, boundaries, introduced, answered }
    }
}

pub async fn a_conversation_cut_at_every_byte() {
    let conversation = Conversation::record().await;
    let good = Good::new(Socket::builder()).await;
    let grown = growth(async {
        for cut in 0..conversation.introduced {
            let mut peer = Peer::connect(good.address).await;
            assert!(peer.send(&conversation.said[..cut]).await);
            peer.finish().await;
            peer.is_closed().await;
            assert_eq!(good.hub.connected().len(), 1, "{cut}");
        }
        for cut in conversation.introduced..=conversation.said.len() {
            converse(&good, &conversation, cut).await;
        }
        good.answers().await;
    });
    let grown = grown.await;
    note(&format!("{} cuts take at most {grown} bytes", conversation.said.len() + 1));
    // One connection at a time, and what the good plugin's takes.
    assert!(grown < 256 << 10, "{grown} bytes");
    good.finish().await;
}

/// Makes the calls of the conversation, and gives so much of it for an answer.
async fn converse(good: &Good, conversation: &Conversation, cut: usize) {
    let Conversation { said, boundaries, introduced, answered } = conversation;
    let mut peer = Peer::connect(good.address).await;
    assert!(peer.send(&said[..*introduced]).await);
    good.hub.wait_for("go", GUARD).await.unwrap();
    let plugin = good.hub.connected().into_iter().find(|plugin| plugin.name() == "go").unwrap();
    let mut running = Vec::new();
    for (method, input) in calls() {
        running.push(tokio::spawn(good.hub.call::<Value>("go", method, &input)));
        assert_eq!(peer.hear().await.unwrap().method, method);
    }
    assert!(peer.send(&said[*introduced..cut]).await);
    peer.finish().await;
    assert_eq!(peer.ends().await, None, "it is not told of anything");
    eventually("it is gone", || plugin.has_ended()).await;
    let is_whole = boundaries.contains(&cut);
    let expected = if is_whole { DisconnectReason::Unclean } else { DisconnectReason::MidFrame };
    assert_eq!(plugin.end(), Some(expected), "{cut}");
    let answers = answered.iter().filter(|end| **end <= cut).count();
    check(running, answers, cut).await;
}

/// So many calls have an answer of their own, and the others none.
async fn check(calls: Vec<JoinHandle<Result<Value, CallError>>>, answers: usize, cut: usize) {
    for (n, call) in calls.into_iter().enumerate() {
        let outcome = within("a call", call).await.unwrap().map_err(CallError::into_kind);
        let is_it = match &outcome {
            Err(CallErrorKind::Disconnected { .. }) => n >= answers,
            _ if n >= answers => false,
            Err(CallErrorKind::Method(error)) => n == 1 && error.message() == "no such luck",
            Err(CallErrorKind::Panicked { message }) => n == 2 && message == "oh no",
            Err(_) => false,
            Ok(output) => match n {
                0 => *output == json!({"text": "Hello, Ada!"}),
                3 => *output == 3,
                4 => *output == json!({}),
                _ => false,
            },
        };
        assert!(is_it, "cut at {cut}, call {n}: {outcome:?}");
    }
}
