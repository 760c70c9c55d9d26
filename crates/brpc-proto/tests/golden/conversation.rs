//! The conversation at the end of the page, byte for byte.

use std::time::Duration;

use brpc_core::{DisconnectReason, Failure, Status};
use brpc_proto::{DrainCause, Event, Settlement};
use bytes::Bytes;

use crate::page::{Sender, conversation};
use crate::pair::{EPOCH, Pair, call, first_call};

/// A conversation, and what was said in it.
struct Recorded {
    pair: Pair,
    parts: Vec<(Sender, Vec<u8>)>,
}

impl Recorded {
    fn hub_says(&mut self) -> Vec<Event<()>> {
        let sent = self.pair.hub_sends();
        self.parts.push((Sender::Hub, sent.clone()));
        self.pair.plugin_takes(&sent)
    }

    fn plugin_says(&mut self) -> Vec<Event<u64>> {
        let sent = self.pair.plugin_sends();
        self.parts.push((Sender::Plugin, sent.clone()));
        self.pair.hub_takes(&sent)
    }
}

#[test]
fn the_code_says_what_the_page_says() {
    let mut talk = Recorded { pair: Pair::new(), parts: Vec::new() };
    assert!(matches!(&talk.plugin_says()[..], [Event::Hello(hello)]
        if hello.name == "edge-1" && hello.version == "1.0"));
    talk.pair.hub.accept(None);
    assert!(talk.hub_says().is_empty());
    assert!(matches!(&talk.plugin_says()[..], [Event::Described(description)]
        if description.name(1) == Some("sleep")));
    talk.pair.welcome();
    assert!(matches!(&talk.hub_says()[..], [Event::Welcomed(terms)]
        if terms.name == "edge-1" && terms.generation == 7 && terms.epoch == EPOCH));

    let now = talk.pair.now;
    talk.pair.hub.start_call(first_call(&[("user", "ada")]), 71, now).unwrap();
    assert!(matches!(&talk.hub_says()[..], [Event::Call { id: 1, call, deadline }]
        if call.method == 0
            && *deadline == Some(now + Duration::from_secs(30))
            && call.trace == "t-1"
            && call.metadata.iter().eq([("user", "ada")])
            && call.payload == r#"{"n":1}"#));
    talk.pair.plugin.emit(&Bytes::from_static(br#"{"seen":1}"#)).unwrap();
    talk.pair.answer(1, Ok(Bytes::from_static(br#"{"n":1}"#)));
    assert!(matches!(&talk.plugin_says()[..],
        [Event::Message(event), Event::Settled(71, Settlement::Answered(Ok(output), _))]
        if event == r#"{"seen":1}"# && output == r#"{"n":1}"#));

    talk.pair.hub.return_credit(1, 10);
    talk.pair.hub.start_call(call(1, "60000"), 72, now).unwrap();
    assert!(
        matches!(&talk.hub_says()[..], [Event::Credit, Event::Call { id: 2, call, deadline: None }]
        if call.payload == "60000")
    );
    talk.pair.hub.cancel(2, talk.pair.now).unwrap();
    assert!(matches!(talk.hub_says()[..], [Event::Cancel(2)]));
    talk.pair.answer(2, Err(Failure::new(Status::Cancelled, "")));
    assert!(talk.plugin_says().is_empty());
    assert_eq!(talk.pair.hub.late_replies(), 1);

    talk.pair.hub.drain(DrainCause::Unplug, "", Some(now + Duration::from_secs(5)));
    assert!(matches!(&talk.hub_says()[..], [Event::Drain(DrainCause::Unplug, trace)]
        if trace.is_empty()));
    assert!(matches!(
        talk.plugin_says()[..],
        [Event::Closed(DisconnectReason::Unplugged, tally)] if tally.cut == 0
    ));
    assert!(talk.pair.plugin.is_closed());

    for (number, (said, written)) in talk.parts.iter().zip(conversation()).enumerate() {
        assert_eq!(*said, written, "part {}", number + 1);
    }
    assert_eq!(talk.parts.len(), conversation().len());
}

/// All that one side sends on the page.
fn stream(sender: Sender) -> Vec<u8> {
    let parts = conversation().into_iter().filter(|part| part.0 == sender);
    parts.flat_map(|part| part.1).collect()
}

/// What the hub of the page tells its owner, if the plugin's bytes come in these pieces.
fn hub_events(pieces: &[&[u8]]) -> Vec<String> {
    let mut pair = Pair::new();
    let mut told = Vec::new();
    for piece in pieces {
        let mut events = pair.hub_takes(piece);
        while !events.is_empty() {
            for event in events {
                match &event {
                    Event::Hello(_) => pair.hub.accept(None),
                    // All that the hub does later, it does now.
                    Event::Described(_) => {
                        pair.welcome();
                        pair.hub.start_call(call(0, ""), 71, pair.now).unwrap();
                        pair.hub.start_call(call(1, ""), 72, pair.now).unwrap();
                        pair.hub_sends();
                        pair.hub.cancel(2, pair.now);
                        pair.hub.drain(DrainCause::Unplug, "", None);
                    }
                    _ => {}
                }
                told.push(format!("{event:?}"));
            }
            // What came with a frame that the owner had to answer first.
            events = pair.hub_takes(&[]);
        }
    }
    told
}

/// What the plugin of the page tells its owner, if the hub's bytes come in these pieces.
fn plugin_events(pair: &mut Pair, pieces: &[&[u8]]) -> Vec<String> {
    let events = pieces.iter().flat_map(|piece| pair.plugin_takes(piece));
    events.map(|event| format!("{event:?}")).collect()
}

#[test]
fn f01_any_split_tells_the_hub_the_same() {
    let bytes = stream(Sender::Plugin);
    let whole = hub_events(&[&bytes]);
    assert_eq!(whole.len(), 5, "{whole:#?}");
    for split in 0..=bytes.len() {
        let (before, after) = bytes.split_at(split);
        assert_eq!(hub_events(&[before, after]), whole, "split at {split}");
    }
    assert_eq!(hub_events(&bytes.chunks(1).collect::<Vec<_>>()), whole);
}

#[test]
fn f01_any_split_tells_the_plugin_the_same() {
    let bytes = stream(Sender::Hub);
    // Deadlines count from the same moment.
    let now = std::time::Instant::now();
    let events = |pieces: &[&[u8]]| {
        let mut pair = Pair::new();
        pair.now = now;
        plugin_events(&mut pair, pieces)
    };
    let single = events(&bytes.chunks(1).collect::<Vec<_>>());
    assert_eq!(single.len(), 6, "{single:#?}");
    // Of a call that is cancelled in the same piece, the owner hears nothing.
    let mut whole = single.clone();
    whole.retain(|event| !event.contains("id: 2") && event != "Cancel(2)");
    assert_eq!(whole.len(), 4, "{single:#?}");
    for split in 0..=bytes.len() {
        let (before, after) = bytes.split_at(split);
        let events = events(&[before, after]);
        assert!(events == single || events == whole, "split at {split}");
    }
    assert_eq!(events(&[&bytes]), whole);
}
