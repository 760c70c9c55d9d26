//! Each vector: written by the code of one side, and understood by that of the other.

use std::collections::BTreeSet;
use std::time::Duration;

use brpc_core::{
    DisconnectReason, Failure, Function, Labels, Limits, Metadata, MethodError, Refusal,
    RefusalCode, Side, Status,
};
use brpc_proto::resume::Kept;
use brpc_proto::{
    Call, Continued, Course, Description, DrainCause, Event, Features, Hello, Origin, Recalled,
    Resumable, Secret, Settlement, Token,
};
use bytes::Bytes;
use serde_json::json;

use crate::pair::{EPOCH, NONCE, Pair, call, first_call, hello, key, secret};
use crate::vectors::{frame, names, vector};

/// A vector, and what is done to have the code write it and understand it.
type Case = (&'static str, fn(&[u8]));

const CASES: &[Case] = &[
    ("preface", |bytes| {
        assert!(Pair::new().plugin_sends().starts_with(bytes));
        let mut pair = Pair::hello();
        pair.hub.accept(None);
        assert!(pair.hub_sends().starts_with(bytes));
    }),
    ("hello", |bytes| {
        let mut pair = Pair::new();
        assert_eq!(pair.plugin_sends(), after_preface(bytes));
        let events = pair.hub_takes(&after_preface(bytes));
        let [Event::Hello(received)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&*received.name, &*received.version), ("edge-1", "1.0"));
        assert_eq!(received.instance.to_vec(), (0..16).collect::<Vec<u8>>());
        pair.hub.accept(None);
        let events = pair.hub_takes(&vector("describe"));
        let [Event::Described(description)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(*description.digest(), received.digest);
        pair.welcome();
        let terms = pair.hub.terms().unwrap();
        assert_eq!((terms.max_frame, terms.calls_out), (1 << 20, 1024));
    }),
    ("hello-labels", |bytes| {
        let labels = [("zone", "b"), ("region", "eu")];
        let mut hello = hello();
        hello.labels = Labels::new(labels).unwrap();
        let mut pair = Pair::of(hello.clone());
        assert_eq!(pair.plugin_sends(), after_preface(bytes));
        let events = pair.hub_takes(&after_preface(bytes));
        let [Event::Hello(received)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(received.labels, hello.labels);
    }),
    ("hello-heartbeat", |bytes| {
        let mut pair = Pair::beating(hello(), Some(Limits::HEARTBEAT));
        assert_eq!(pair.plugin_sends(), after_preface(bytes));
        let events = pair.hub_takes(&after_preface(bytes));
        let [Event::Hello(received)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(received.features, Features::HEARTBEAT);
        assert_eq!(received.heartbeat, Some(Limits::HEARTBEAT));
    }),
    ("hello-idempotent", |bytes| {
        let mut functions = ["first", "second"].map(Function::new);
        functions[1].idempotent = true;
        let mut hello = hello();
        hello.idempotent = Description::new(&functions).unwrap().idempotent().clone();
        let mut pair = Pair::of(hello.clone());
        assert_eq!(pair.plugin_sends(), after_preface(bytes));
        let events = pair.hub_takes(&after_preface(bytes));
        let [Event::Hello(received)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(received.idempotent, hello.idempotent);
    }),
    ("hello-token", |bytes| {
        let token = Token::new("s3cret-token").unwrap();
        let mut pair = Pair::of(Hello { token: Some(token), ..hello() });
        assert_eq!(pair.plugin_sends(), after_preface(bytes));
        let events = pair.hub_takes(&after_preface(bytes));
        let [Event::Hello(received)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(received.token.as_ref().unwrap().as_bytes(), b"s3cret-token");
        assert!(!pair.hub.challenge([7; 32]), "it has nothing to prove");
        assert!(!format!("{received:?}").contains("s3cret"));
    }),
    ("hello-key", |bytes| {
        let mut pair = Pair::of(Hello { key: Some(key()), ..hello() });
        assert_eq!(pair.plugin_sends(), after_preface(bytes));
        let events = pair.hub_takes(&after_preface(bytes));
        let [Event::Hello(received)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(received.key.as_ref().unwrap().id(), "edge-key");
        pair.hub.accept(None);
        assert_eq!(pair.hub_sends(), after_preface(&vector("accepted")), "a hub need not ask");
    }),
    ("challenge", |bytes| {
        let mut pair = Pair::keyed();
        assert!(pair.hub.challenge(*NONCE));
        assert_eq!(pair.hub_sends(), after_preface(bytes));
        assert!(pair.plugin_takes(&after_preface(bytes)).is_empty());
        assert_eq!(pair.plugin_sends(), vector("proof"));
    }),
    ("proof", |bytes| {
        let mut pair = Pair::challenged();
        let events = pair.hub_takes(bytes);
        let [Event::Proof(proof)] = &events[..] else { panic!("{events:?}") };
        assert!(proof.is_made_with(&secret()));
        assert!(!proof.is_made_with(&Secret::new("another secret of that id").unwrap()));
        // The preface is said.
        pair.hub.accept(None);
        assert_eq!(pair.hub_sends(), vector("accepted"));
        pair.plugin_sends();
        assert!(pair.plugin_takes(&after_preface(&vector("accepted"))).is_empty());
        assert_eq!(pair.plugin_sends(), vector("describe"));
        assert!(matches!(pair.hub_takes(&vector("describe"))[..], [Event::Described(_)]));
    }),
    ("refused-auth-failed", |bytes| {
        let failed = Refusal::new(RefusalCode::AuthFailed, "not let in");
        refusal(bytes, failed.clone());
        let mut pair = Pair::challenged();
        pair.hub_takes(&vector("proof"));
        pair.hub.refuse(failed);
        assert_eq!(pair.hub_sends(), bytes);
        pair.plugin_takes(&after_preface(&vector("challenge")));
        let events = pair.plugin_takes(bytes);
        assert!(matches!(events[..], [Event::Refused(_), Event::Closed(..)]), "{events:?}");
    }),
    ("accepted", |bytes| {
        let mut pair = Pair::hello();
        pair.hub.accept(None);
        assert_eq!(pair.hub_sends(), after_preface(bytes));
        pair.plugin_sends();
        assert!(pair.plugin_takes(&after_preface(bytes)).is_empty());
        assert_eq!(pair.plugin_sends(), vector("describe"));
    }),
    ("accepted-known", |bytes| {
        let description = hello().description.unwrap();
        let mut pair = Pair::hello();
        pair.hub.accept(Some(description));
        assert!(pair.hub_sends().is_empty(), "what is to be said next goes with it");
        assert!(matches!(pair.hub_takes(&[])[..], [Event::Described(_)]));
        pair.welcome();
        assert_eq!(pair.hub_sends(), [after_preface(bytes), vector("welcome")].concat());
        pair.plugin_sends();
        assert!(pair.plugin_takes(&after_preface(bytes)).is_empty());
        assert!(pair.plugin_sends().is_empty());
    }),
    ("refused", |bytes| {
        let full = Refusal::new(RefusalCode::Full, "the hub is full");
        refusal(bytes, full.retry_after(Duration::from_millis(2500)));
    }),
    ("refused-name-taken", |bytes| {
        refusal(bytes, Refusal::new(RefusalCode::NameTaken, "another plugin has this name"));
    }),
    ("describe", |bytes| {
        let mut pair = Pair::accepted();
        pair.plugin_takes(&after_preface(&vector("accepted")));
        assert_eq!(pair.plugin_sends(), bytes);
        let events = pair.hub_takes(bytes);
        let [Event::Described(description)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(description.functions(), hello().description.unwrap().functions());
        assert_eq!(description.functions()[0].description, "Gives back its input.");
    }),
    ("welcome", |bytes| {
        let mut pair = Pair::described();
        assert_eq!(pair.hub_sends(), bytes);
        let events = pair.plugin_takes(bytes);
        let [Event::Welcomed(terms)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&*terms.name, terms.generation, terms.epoch), ("edge-1", 7, EPOCH));
        let event = Bytes::from_static(b"1");
        assert!(pair.plugin.emit(&event).is_ok() && pair.plugin.emit(&event).is_ok());
        assert!(pair.plugin.emit(&event).is_err(), "credit is for two");
    }),
    ("welcome-heartbeat", |bytes| {
        let mut pair = Pair::beating(hello(), Some(Limits::HEARTBEAT));
        pair.hub_takes(&after_preface(&vector("hello-heartbeat")));
        pair.hub.accept(hello().description);
        pair.hub_takes(&[]);
        pair.welcome();
        let accepted = after_preface(&vector("accepted-known"));
        assert_eq!(pair.hub_sends(), [&accepted, bytes].concat());
        let events = pair.plugin_takes(&[&accepted, bytes].concat());
        let [Event::Welcomed(terms)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(terms.heartbeat, Some(Limits::HEARTBEAT));
        assert_eq!(pair.hub.terms().unwrap().heartbeat, Some(Limits::HEARTBEAT), "the shorter");
    }),
    ("ping", |bytes| {
        let mut pair = Pair::ready_and_beating();
        pair.wait(Limits::HEARTBEAT);
        assert_eq!(pair.hub_sends(), bytes);
        pair.plugin_takes(bytes);
        assert_eq!(pair.plugin_sends(), vector("pong"));
        // Or somebody wants to know at once.
        assert!(pair.hub.probe());
        let ping = pair.hub_sends();
        assert_eq!((ping[4], ping[5]), (0x20, 2));
    }),
    ("pong", |bytes| {
        let mut pair = Pair::ready_and_beating();
        assert!(pair.hub.probe());
        assert_eq!(pair.hub_sends(), vector("ping"));
        pair.now += Duration::from_millis(30);
        let events = pair.hub_takes(bytes);
        assert!(matches!(events[..], [Event::Alive]), "{events:?}");
        assert_eq!(pair.hub.round_trip(), Some(Duration::from_millis(30)));
        pair.plugin_takes(&vector("ping"));
        assert_eq!(pair.plugin_sends(), bytes);
    }),
    ("call", |bytes| {
        let mut pair = Pair::ready();
        let metadata = [("user", "ada"), ("lang", "")];
        pair.hub.start_call(first_call(&metadata), 1, pair.now).unwrap();
        assert_eq!(pair.hub_sends(), bytes);
        let events = pair.plugin_takes(bytes);
        let [Event::Call { id, call, deadline }] = &events[..] else { panic!("{events:?}") };
        assert_eq!((*id, call.method, &*call.trace), (1, 0, "t-1"));
        assert_eq!(*deadline, Some(pair.now + Duration::from_secs(30)));
        assert_eq!(call.metadata, metadata.into_iter().collect());
        assert_eq!(call.payload, r#"{"n":1}"#);
    }),
    ("call-bare", |bytes| {
        let mut pair = Pair::ready();
        pair.hub.start_call(call(1, ""), 1, pair.now).unwrap();
        assert_eq!(pair.hub_sends(), bytes);
        let events = pair.plugin_takes(bytes);
        let [Event::Call { id, call, deadline }] = &events[..] else { panic!("{events:?}") };
        assert_eq!((*id, call.method, *deadline), (1, 1, None));
        assert!(call.trace.is_empty() && call.metadata.is_empty() && call.payload.is_empty());
    }),
    ("call-300", |bytes| {
        let mut pair = Pair::calling(299);
        let mut late = call(0, "\"é\"");
        late.timeout = Some(Duration::from_millis(u64::MAX));
        pair.hub.start_call(late, 300, pair.now).unwrap();
        assert_eq!(pair.hub_sends(), bytes);
        let events = pair.plugin_takes(bytes);
        let [Event::Call { id, call, deadline }] = &events[..] else { panic!("{events:?}") };
        assert_eq!((*id, call.payload.as_ref()), (300, "\"é\"".as_bytes()));
        assert_eq!(*deadline, Some(pair.now + Duration::from_millis(u64::MAX)));
    }),
    ("resumable", |bytes| {
        let mut pair = Pair::resumed();
        let window = Duration::from_secs(30);
        let mut call = first_call(&[("user", "ada"), ("lang", "")]);
        call.resumable = Some(Box::new(Resumable { window, course: Course::New }));
        pair.hub.start_call(call, 1, pair.now).unwrap();
        assert_eq!(pair.hub_sends(), bytes);
        let events = pair.plugin_takes(bytes);
        let [Event::Call { id: 1, call, deadline }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(*deadline, Some(pair.now + Duration::from_secs(30)));
        assert_eq!(call.resumable.as_ref().unwrap().window, window);
        assert_eq!(call.payload, r#"{"n":1}"#);
        // Without the feature it is a call as any other.
        let mut pair = Pair::ready();
        let mut call = first_call(&[("user", "ada"), ("lang", "")]);
        call.resumable = Some(Box::new(Resumable { window, course: Course::New }));
        pair.hub.start_call(call, 1, pair.now).unwrap();
        assert_eq!(pair.hub_sends(), vector("call"));
    }),
    ("continue", |bytes| {
        let mut pair = Pair::recalled();
        let origin = Origin { generation: 6, id: 300 };
        let course = Course::GoesOn(Continued { origin, reason: DisconnectReason::Reset });
        let window = Duration::from_secs(30);
        let resumable = Some(Box::new(Resumable { window, course }));
        let timeout = Some(Duration::from_secs(30));
        pair.hub.start_call(Call { timeout, resumable, ..Call::default() }, 1, pair.now).unwrap();
        pair.hub.resumed();
        assert_eq!(pair.hub_sends(), [bytes, &vector("resumed")].concat(), "in this order");
        let events = pair.plugin_takes(bytes);
        assert!(matches!(events[..], [Event::Continue { id: 1, origin: told }] if told == origin));
        assert!(pair.answer(1, Ok(Bytes::from_static(br#"{"n":1}"#))));
        assert_eq!(pair.plugin_sends(), vector("reply"));
        assert!(matches!(pair.hub_takes(&vector("reply"))[..], [Event::Settled(1, _)]));
    }),
    ("confirm", |bytes| {
        let mut pair = Pair::resumed();
        let resumable = Some(Box::new(Resumable { window: Duration::ZERO, course: Course::New }));
        pair.hub.start_call(Call { resumable, ..Call::default() }, 1, pair.now).unwrap();
        let call = pair.hub_sends();
        pair.plugin_takes(&call);
        pair.answer(1, Ok(Bytes::new()));
        let answer = pair.plugin_sends();
        assert!(matches!(pair.hub_takes(&answer)[..], [Event::Settled(1, _)]));
        assert_eq!(pair.hub_sends(), bytes);
        assert!(matches!(pair.plugin_takes(bytes)[..], [Event::Confirmed(1)]));
        assert!(pair.plugin_takes(bytes).is_empty(), "once");
    }),
    ("resumed", |bytes| {
        let mut pair = Pair::recalled();
        pair.hub.resumed();
        assert_eq!(pair.hub_sends(), bytes);
        assert!(matches!(pair.plugin_takes(bytes)[..], [Event::Resumed]));
        assert!(pair.plugin_finds(bytes).is_some(), "once");
    }),
    ("resume", |bytes| {
        let mut pair = Pair::resuming();
        // No call is sent before.
        pair.hub.start_call(call(0, ""), 1, pair.now).unwrap();
        assert!(pair.hub_sends().is_empty());
        let origin = |generation, id| Origin { generation, id };
        let seen = vec![origin(6, 300)];
        let recalled = Recalled { seen, kept: vec![origin(6, 300), origin(5, 7)], is_last: true };
        pair.plugin.resume(vec![recalled.clone()]);
        assert_eq!(pair.plugin_sends(), bytes);
        let events = pair.hub_takes(bytes);
        let [Event::Resume(told)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(*told, recalled);
        assert!(pair.hub_sends().is_empty(), "what goes on comes first");
        pair.hub.resumed();
        assert_eq!(pair.hub_sends(), [vector("resumed"), frame(0x10, &[1, 0, 0, 0, 0])].concat());
        assert!(pair.hub_finds(bytes).is_some(), "once");
    }),
    ("resume-more", |bytes| {
        let mut pair = Pair::resuming();
        let kept = vec![Origin { generation: 5, id: 7 }];
        let recalled = Recalled { kept, ..Recalled::default() };
        pair.plugin.resume(vec![recalled.clone()]);
        assert_eq!(pair.plugin_sends(), bytes);
        let events = pair.hub_takes(bytes);
        let [Event::Resume(told)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(*told, recalled);
        assert!(matches!(pair.hub_takes(&vector("resume"))[..], [Event::Resume(_)]));
    }),
    ("resume-nothing", |bytes| {
        let mut pair = Pair::resuming();
        let (recalled, unwanted) = Kept::<()>::new(&Limits::default()).begin(EPOCH, 7);
        assert!(unwanted.is_empty());
        pair.plugin.resume(recalled);
        assert_eq!(pair.plugin_sends(), bytes);
        // A hub without the feature isn't told.
        let mut pair = Pair::ready();
        pair.plugin.resume(vec![Recalled { is_last: true, ..Recalled::default() }]);
        assert!(pair.plugin_sends().is_empty());
    }),
    ("cancel", |bytes| {
        let mut pair = Pair::calling(300);
        pair.hub.cancel(300, pair.now).unwrap();
        assert_eq!(pair.hub_sends(), bytes);
        pair.plugin_takes(&vector("call-300"));
        assert!(matches!(pair.plugin_takes(bytes)[..], [Event::Cancel(300)]));
    }),
    ("credit", |bytes| {
        let mut pair = Pair::ready();
        pair.hub_takes(&vector("event"));
        pair.hub.return_credit(1, 10);
        assert_eq!(pair.hub_sends(), bytes);
        assert!(matches!(pair.plugin_takes(bytes)[..], [Event::Credit]));
        let sent = (0..9).filter(|_| pair.plugin.emit(&Bytes::from_static(b"1")).is_ok());
        assert_eq!(sent.count(), 3);
    }),
    ("drain", |bytes| {
        drain(bytes, DrainCause::Unplug, "t-9", Some(Duration::from_secs(5)));
    }),
    ("drain-no-limit", |bytes| drain(bytes, DrainCause::Shutdown, "", None)),
    ("return", |bytes| {
        let after = Duration::from_secs(2);
        let mut pair = Pair::ready();
        pair.hub.ask_to_return(after);
        pair.hub.ask_to_return(after / 2);
        assert_eq!(pair.hub_sends(), bytes, "said once");
        let events = pair.plugin_takes(bytes);
        assert!(matches!(events[..], [Event::Return(told)] if told == after), "{events:?}");
        assert!(pair.plugin_finds(bytes).is_some(), "nor is it taken twice");
        // Ahead of what ends the connection, however soon that is.
        let mut pair = Pair::ready();
        pair.hub.ask_to_return(after);
        pair.hub.close(DisconnectReason::Unplugged);
        assert_eq!(pair.hub_sends(), [bytes, &vector("goodbye-unplugged")].concat());
    }),
    ("reply", |bytes| answer(bytes, &Ok(Bytes::from_static(br#"{"n":1}"#)))),
    ("reply-empty", |bytes| answer(bytes, &Ok(Bytes::new()))),
    ("failed", |bytes| {
        let error = MethodError::new("not_found", "no such file").with_data(json!({"path": "a"}));
        answer(bytes, &Err(error.into()));
    }),
    ("failed-input", |bytes| {
        let failure = Failure::new(Status::InvalidInput, "expected a number");
        answer(bytes, &Err(failure.with_code("list[1]")));
    }),
    ("failed-cancelled", |bytes| answer(bytes, &Err(Failure::new(Status::Cancelled, "")))),
    ("metadata", |bytes| {
        let metadata: Metadata = [("served-by", "n1"), ("cache", "")].into_iter().collect();
        let answers = [
            ("reply", Ok(Bytes::from_static(br#"{"n":1}"#))),
            ("failed-cancelled", Err(Failure::new(Status::Cancelled, ""))),
        ];
        for (frame, answer) in answers {
            let mut pair = Pair::running();
            assert!(pair.plugin.answer(1, answer.clone(), metadata.clone()));
            assert_eq!(pair.plugin_sends(), [bytes, &vector(frame)].concat());
            assert!(pair.hub_takes(bytes).is_empty());
            let events = pair.hub_takes(&vector(frame));
            let [Event::Settled(1, Settlement::Answered(told, along))] = &events[..] else {
                panic!("{events:?}")
            };
            assert_eq!((told, along), (&answer, &metadata));
        }
    }),
    ("event", |bytes| {
        let mut pair = Pair::ready();
        pair.plugin.emit(&Bytes::from_static(br#"{"seen":1}"#)).unwrap();
        assert_eq!(pair.plugin_sends(), bytes);
        let events = pair.hub_takes(bytes);
        assert!(matches!(&events[..], [Event::Message(event)] if event == r#"{"seen":1}"#));
    }),
    ("leave", |bytes| {
        let mut pair = Pair::ready();
        for caller in 1..=4 {
            pair.hub.start_call(call(0, ""), caller, pair.now).unwrap();
        }
        let calls = pair.hub_sends();
        // The last call is still under way.
        pair.plugin_takes(&calls[..calls.len() / 4 * 3]);
        pair.plugin.leave();
        assert_eq!(pair.plugin_sends(), bytes);
        let events = pair.hub_takes(bytes);
        assert!(matches!(events[..], [Event::Settled(4, Settlement::Ended(_))]), "{events:?}");
        assert_eq!(pair.hub.calls(), 3);
    }),
    ("leave-unused", |bytes| {
        let mut pair = Pair::ready();
        pair.plugin.leave();
        assert_eq!(pair.plugin_sends(), [bytes, &vector("goodbye")].concat());
        assert!(pair.hub_takes(bytes).is_empty());
        assert!(pair.hub.start_call(call(0, ""), 1, pair.now).is_err());
    }),
    ("goodbye", |bytes| {
        let mut pair = Pair::ready();
        pair.plugin.close(DisconnectReason::Clean);
        assert_eq!(pair.plugin_sends(), bytes);
        let events = pair.hub_takes(bytes);
        assert!(matches!(events[..], [Event::Closed(DisconnectReason::Clean, _)]));
    }),
    ("goodbye-unplugged", |bytes| {
        hub_goodbye(bytes, DisconnectReason::Unplugged, DisconnectReason::Unplugged);
    }),
    ("goodbye-shutdown", |bytes| {
        hub_goodbye(bytes, DisconnectReason::ShutdownForced, DisconnectReason::ShutdownForced);
    }),
    ("goodbye-replaced", |bytes| {
        hub_goodbye(bytes, DisconnectReason::Replaced, DisconnectReason::Replaced);
    }),
    ("goodbye-revoked", |bytes| {
        hub_goodbye(bytes, DisconnectReason::Revoked, DisconnectReason::Revoked);
    }),
    ("goodbye-unresponsive", |bytes| {
        hub_goodbye(bytes, DisconnectReason::Unresponsive, DisconnectReason::Rejected);
    }),
    ("goodbye-silent", |bytes| {
        let mut pair = Pair::ready_and_beating();
        pair.wait(Limits::SILENT_INTERVALS * Limits::HEARTBEAT);
        let said = pair.hub_sends();
        assert_eq!(said[said.len() - bytes.len()..], *bytes, "after two Pings");
        let silent = Limits::SILENT_INTERVALS * Limits::HEARTBEAT;
        let reason = DisconnectReason::HeartbeatTimeout { side: Side::This, silent };
        let events = pair.plugin_takes(bytes);
        assert!(matches!(
            events[..],
            [Event::LastWords(_), Event::Closed(told, _)] if told == reason
        ));
    }),
    ("goodbye-protocol", |bytes| {
        let mut pair = Pair::ready();
        assert!(pair.hub_finds(&vector("reply")).is_some());
        assert_eq!(pair.hub_sends(), bytes);
        let events = pair.plugin_takes(bytes);
        assert!(matches!(
            events[..],
            [Event::LastWords(_), Event::Closed(DisconnectReason::Rejected, _)]
        ));
    }),
];

#[test]
fn the_code_writes_and_understands_each_vector() {
    for (name, check) in CASES {
        println!("{name}");
        check(&vector(name));
    }
}

#[test]
fn each_vector_is_tested() {
    let tested: BTreeSet<_> = CASES.iter().map(|case| case.0.to_owned()).collect();
    assert_eq!(tested, names());
}

fn after_preface(frame: &[u8]) -> Vec<u8> {
    [&vector("preface"), frame].concat()
}

fn refusal(bytes: &[u8], refusal: Refusal) {
    let mut pair = Pair::hello();
    pair.hub.refuse(refusal.clone());
    assert_eq!(pair.hub_sends(), after_preface(bytes));
    let events = pair.plugin_takes(&after_preface(bytes));
    let [Event::Refused(told), Event::Closed(..)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*told, refusal);
    // In place of `Welcome`, the preface has been sent already.
    let mut pair = Pair::accepted();
    pair.hub.refuse(refusal);
    assert_eq!(pair.hub_sends(), bytes);
}

fn drain(bytes: &[u8], cause: DrainCause, trace: &str, grace: Option<Duration>) {
    let mut pair = Pair::running();
    pair.hub.drain(cause, trace, grace.map(|grace| pair.now + grace));
    assert_eq!(pair.hub_sends(), bytes);
    let events = pair.plugin_takes(bytes);
    let [Event::Drain(told, told_trace)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*told, &**told_trace), (cause, trace));
    // Nothing is said while a call runs.
    assert!(pair.plugin_sends().is_empty());
    pair.answer(1, Ok(Bytes::new()));
    assert_eq!(pair.plugin_sends(), [vector("reply-empty"), vector("goodbye")].concat());
}

fn answer(bytes: &[u8], answer: &brpc_core::Answer) {
    let mut pair = Pair::running();
    assert!(pair.answer(1, answer.clone()));
    assert_eq!(pair.plugin_sends(), bytes);
    let events = pair.hub_takes(bytes);
    let [Event::Settled(1, Settlement::Answered(told, metadata))] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((told, metadata), (answer, &Metadata::new()));
}

fn hub_goodbye(bytes: &[u8], reason: DisconnectReason, told: DisconnectReason) {
    let mut pair = Pair::ready();
    pair.hub.close(reason);
    assert_eq!(pair.hub_sends(), bytes);
    let events = pair.plugin_takes(bytes);
    let [Event::LastWords(words), Event::Closed(why, _)] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(!words.is_empty());
    assert_eq!(*why, told);
}
