//! A wire more is a codec more, and nothing else: one of JSON text lines, at the same connection.

mod json_lines;

use std::time::{Duration, Instant};

use brpc_core::{DisconnectReason, Function, Limits, Metadata, MethodError, Wire};
use brpc_proto::{
    Call, Carries, Connection, Description, DrainCause, Event, Hello, Key, Secret, Token,
    WireEntry, Wires, WriteBuffer,
};
use bytes::{Buf as _, BytesMut};

use json_lines::JsonLines;
use serde_json::{Value, json};

struct Pair {
    hub: Connection<u64>,
    plugin: Connection<()>,
    now: Instant,
}

fn hello() -> Hello {
    let functions = ["add", "größer"].map(Function::new);
    let names = &brpc_proto::NameRules::FREE;
    let description = Description::with_names(&functions, names).expect("the names are free");
    Hello::new("an adder", description.into())
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let json = WireEntry {
            wire: Wire::Json,
            closed: None,
            silence: Duration::ZERO,
            carries: Carries::Messages(|| Box::new(JsonLines::default())),
        };
        let wires = Wires::new([WireEntry::native(None), json]);
        let mut limits = Limits::default();
        limits.event_credit = 2;
        Self {
            hub: Connection::accepted(limits, wires, now),
            plugin: Connection::dialled(
                Box::new(JsonLines::default()),
                hello(),
                Limits::default(),
                now,
            ),
            now,
        }
    }

    /// Let in.
    fn ready() -> Self {
        let mut pair = Self::new();
        assert!(matches!(pair.plugin_hears("")[..], [Event::Welcomed(_)]));
        let said = pair.plugin_says();
        let hello = json!({"t": "hello", "name": "an adder", "methods": ["add", "größer"]});
        assert_eq!(lines(&said), [hello]);
        let events = pair.hub_hears(&said);
        let [Event::Hello(hello)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((hello.wire, &*hello.name), (Wire::Json, "an adder"));
        pair.hub.accept(None);
        assert!(matches!(pair.hub_hears("")[..], [Event::Described(_)]));
        pair.hub.welcome("an adder", 1, [9; 16], pair.now);
        assert!(matches!(pair.hub_hears("")[..], [Event::Welcomed(_)]));
        assert_eq!(pair.hub_says(), "", "nothing is said to those who are let in");
        pair
    }

    fn hub_says(&mut self) -> String {
        said(&mut self.hub, self.now)
    }

    fn plugin_says(&mut self) -> String {
        said(&mut self.plugin, self.now)
    }

    fn hub_hears(&mut self, text: &str) -> Vec<Event<u64>> {
        self.hub.handle_input(&mut BytesMut::from(text), self.now);
        std::iter::from_fn(|| self.hub.poll_event()).collect()
    }

    fn plugin_hears(&mut self, text: &str) -> Vec<Event<()>> {
        self.plugin.handle_input(&mut BytesMut::from(text), self.now);
        std::iter::from_fn(|| self.plugin.poll_event()).collect()
    }

    fn call(&mut self, method: u32, caller: u64) -> String {
        let call = Call { method, payload: "[1,2]".into(), ..Call::default() };
        self.hub.start_call(call, caller, self.now).expect("there is a place");
        self.hub_says()
    }
}

/// What each line says.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn said<T>(connection: &mut Connection<T>, now: Instant) -> String {
    let mut out = WriteBuffer::new();
    connection.poll_transmit(&mut out, now);
    String::from_utf8(out.copy_to_bytes(out.remaining()).to_vec()).expect("the wire is text")
}

#[test]
fn calls_and_answers() {
    let mut pair = Pair::ready();
    let said = pair.call(1, 7) + &pair.call(0, 8);
    let call = |id, name| json!({"t": "call", "id": id, "name": name, "payload": [1, 2]});
    assert_eq!(lines(&said), [call(1, "größer"), call(2, "add")]);
    let events = pair.plugin_hears(&said);
    let [Event::Call { id: 1, call: one, .. }, Event::Call { id: 2, call: other, .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((one.method, other.method, &one.payload[..]), (1, 0, &b"[1,2]"[..]));
    let failure = MethodError::new("", "too large").into();
    pair.plugin.answer(2, Ok("3".into()), Metadata::new());
    pair.plugin.answer(1, Err(failure), Metadata::new());
    let said = pair.plugin_says();
    let events = pair.hub_hears(&said);
    let outputs = events.into_iter().map(|event| match event {
        Event::Settled(caller, settlement) => {
            let result = settlement.into_result(|| "add");
            (caller, result.map(|it| it.output).map_err(|error| error.to_string()))
        }
        event => panic!("{event:?}"),
    });
    let expected = [(8, Ok("3".into())), (7, Err("too large".to_owned()))];
    assert_eq!(outputs.collect::<Vec<_>>(), expected);
}

#[test]
fn a_call_of_no_method_reaches_the_owner_with_a_number_beyond_all() {
    let mut pair = Pair::ready();
    let events = pair.plugin_hears("{\"t\":\"call\",\"id\":1,\"name\":\"mul\"}\n");
    assert!(matches!(&events[..], [Event::Call { id: 1, call, .. }] if call.method == u32::MAX));
}

#[test]
fn events_are_held_back_where_there_is_no_credit() {
    let mut pair = Pair::ready();
    for _ in 0..3 {
        pair.plugin.emit(b"\"tick\"").unwrap();
    }
    let mut input = BytesMut::from(&*pair.plugin_says());
    pair.hub.handle_input(&mut input, pair.now);
    assert!(!pair.hub.takes_input() && !input.is_empty(), "two of three are taken in");
    pair.hub.return_credit(2, 12);
    pair.hub.handle_input(&mut input, pair.now);
    assert!(pair.hub.takes_input() && input.is_empty());
    let events = std::iter::from_fn(|| pair.hub.poll_event());
    assert_eq!(events.filter(|event| matches!(event, Event::Message(_))).count(), 3);
}

#[test]
fn a_goodbye_says_why() {
    let mut pair = Pair::ready();
    pair.plugin.leave();
    assert_eq!(lines(&pair.plugin_says()), [json!({"t": "goodbye", "error": ""})]);
    let mut pair = Pair::ready();
    pair.hub.close(DisconnectReason::SlowConsumer);
    let said = pair.hub_says();
    let events = pair.plugin_hears(&said);
    assert!(
        matches!(&events[..], [Event::LastWords(text), Event::Closed(..)] if text.contains("slow"))
    );
}

#[test]
fn what_the_wire_has_no_words_for_is_done_on_this_side_alone() {
    let mut pair = Pair::ready();
    pair.call(0, 7);
    assert!(pair.hub.cancel(1, pair.now).is_some(), "the caller is handed back");
    assert!(!pair.hub.wants_transmit() && pair.hub_says().is_empty());
    assert_eq!(pair.hub.calls_in_progress(), 1, "its place is taken until it is answered");
    pair.hub.drain(DrainCause::Unplug, "", Some(pair.now + Duration::from_secs(1)));
    assert_eq!(pair.hub_says(), "");
    pair.hub_hears("{\"t\":\"answer\",\"id\":1,\"payload\":3}\n{\"t\":\"goodbye\"}\n");
    assert!(pair.hub.is_closed());
}

#[test]
fn nonsense_and_long_lines_end_the_connection() {
    for wrong in ["{\"t\":1}\n", "[]\n", "{\"t\":\"answer\"}\n", &"x".repeat(2 << 20)] {
        let mut pair = Pair::ready();
        let events = pair.hub_hears(wrong);
        let [Event::Closed(DisconnectReason::Protocol(_), _)] = &events[..] else {
            panic!("{events:?}")
        };
    }
}

/// Such a wire has no words for tokens, keys and challenges: they are left out, and nothing breaks.
#[test]
fn what_a_plugin_could_show_is_left_out() {
    let secret = Secret::new("a canary, and of some length").unwrap();
    let hello = Hello {
        token: Token::new("canary").ok(),
        key: Key::new("canary", secret, [7; 32]).ok(),
        ..hello()
    };
    let mut pair = Pair::new();
    pair.plugin =
        Connection::dialled(Box::new(JsonLines::default()), hello, Limits::default(), pair.now);
    let said = pair.plugin_says();
    assert!(said.contains("hello") && !said.contains("canary"), "{said}");
    assert!(matches!(&pair.hub_hears(&said)[..], [Event::Hello(_)]));
    assert!(!pair.hub.challenge([7; 32]));
    assert_eq!(pair.hub_says(), "");
    pair.hub.accept(None);
    assert!(matches!(pair.hub_hears("")[..], [Event::Described(_)]));
}

#[test]
fn a_hub_may_take_its_time_to_let_a_plugin_in() {
    let mut pair = Pair::new();
    let hello = pair.plugin_says();
    assert!(matches!(pair.hub_hears(&hello)[..], [Event::Hello(_)]));
    // Somebody else is asked who this is; what comes meanwhile waits.
    pair.now += Duration::from_secs(4);
    let mut early = BytesMut::from("{\"t\":\"event\",\"payload\":1}\n");
    pair.hub.handle_input(&mut early, pair.now);
    assert!(!early.is_empty() && pair.hub.poll_event().is_none());
    pair.hub.accept(None);
    pair.now += Duration::from_millis(900);
    pair.hub.welcome("an adder", 1, [9; 16], pair.now);
    pair.hub.handle_input(&mut early, pair.now);
    let events = std::iter::from_fn(|| pair.hub.poll_event());
    assert!(events.into_iter().any(|event| matches!(event, Event::Message(_))));
}

/// In its own words, and in no others.
#[test]
fn a_plugin_of_a_wire_that_is_closed_here_is_refused() {
    let mut pair = Pair::new();
    let closed = Some("this hub takes no JSON lines");
    let json = WireEntry {
        wire: Wire::Json,
        closed,
        silence: Duration::ZERO,
        carries: Carries::Messages(|| Box::new(JsonLines::default())),
    };
    let wires = Wires::new([WireEntry::native(None), json]);
    pair.hub = Connection::accepted(Limits::default(), wires, pair.now);
    let hello = pair.plugin_says();
    let events = pair.hub_hears(&hello);
    assert!(
        matches!(
            &events[..],
            [Event::Stranger(Wire::Json, _), Event::Refused(_), Event::Closed(..)]
        ),
        "{events:?}"
    );
    let said = pair.hub_says();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("this hub takes no JSON lines"), "{said}");
}

/// A wire may carry another stream: the owner takes the one below over, and the handshake goes on
/// above it, with what is left of its time.
#[test]
fn a_stream_above_a_stream_is_sniffed_anew() {
    let mut pair = Pair::new();
    let json = |closed| WireEntry {
        wire: Wire::Json,
        closed,
        silence: Duration::ZERO,
        carries: Carries::Messages(|| Box::new(JsonLines::default())),
    };
    let tls = WireEntry {
        wire: Wire::Tls,
        closed: None,
        silence: Duration::ZERO,
        carries: Carries::Stream,
    };
    let wires = Wires::new([json(Some("only above")), tls]);
    pair.hub = Connection::accepted(Limits::default(), wires, pair.now);
    let mut below = BytesMut::from(&[0x16, 3, 1, 2, 0][..]);
    pair.hub.handle_input(&mut below, pair.now);
    assert_eq!(pair.hub.handed_over(), Some(Wire::Tls));
    assert_eq!((below.len(), pair.hub.input_limit()), (5, 0), "all of it is for the stream above");
    assert!(pair.hub.poll_event().is_none());

    let started = pair.now;
    pair.now += Duration::from_secs(3);
    pair.hub.sniff_above(Wires::new([json(None)]));
    assert_eq!(pair.hub.handed_over(), None);
    assert_eq!(pair.hub.poll_timeout(), Some(started + Limits::default().hello_deadline));
    let hello = pair.plugin_says();
    let events = pair.hub_hears(&hello);
    assert!(matches!(&events[..], [Event::Hello(hello)] if hello.name == "an adder"), "{events:?}");

    // The same once more above that is a stranger.
    pair.hub = Connection::accepted(Limits::default(), Wires::new([tls]), pair.now);
    for _ in 0..2 {
        let mut hello = BytesMut::from(&[0x16, 3, 1][..]);
        pair.hub.handle_input(&mut hello, pair.now);
        pair.hub.sniff_above(Wires::new([json(None)]));
    }
    let events: Vec<_> = std::iter::from_fn(|| pair.hub.poll_event()).collect();
    assert!(
        matches!(&events[..], [Event::Stranger(Wire::Tls, _), Event::Closed(..)]),
        "{events:?}"
    );
}

/// Its first message may be as large as a description, but not of many plugins at a time.
#[test]
fn a_long_hello_waits_for_room() {
    let mut pair = Pair::new();
    let methods = (0..1_000).map(|number| format!("\"method-{number}\""));
    let methods = methods.collect::<Vec<_>>().join(",");
    let hello = format!("{{\"t\":\"hello\",\"name\":\"long\",\"methods\":[{methods}]}}\n");
    let mut input = BytesMut::from(&hello[..8_000]);
    pair.hub.handle_input(&mut input, pair.now);
    assert!(matches!(pair.hub.poll_event(), Some(Event::WantsRoom(_))));
    input.extend_from_slice(&hello.as_bytes()[8_000..]);
    pair.hub.handle_input(&mut input, pair.now);
    assert!(pair.hub.poll_event().is_none() && !pair.hub.takes_input());
    pair.hub.grant_room();
    pair.hub.handle_input(&mut input, pair.now);
    let hello = pair.hub.poll_event();
    assert!(matches!(&hello, Some(Event::Hello(hello)) if hello.name == "long"), "{hello:?}");
    assert!(input.is_empty());
}
