//! The numbers on the page are those of the code.

use std::time::Duration;

use brpc_core::labels::*;
use brpc_core::limits::*;
use brpc_core::name::{MAX_LABEL_KEY, MAX_LABEL_VALUE};
use brpc_core::{
    DisconnectReason, Execution, Limits, MAX_ERROR_TEXT, Metadata, MethodError, ProtocolError,
    Refusal, RefusalCode, Side, Status, name,
};
use brpc_proto::limits::*;
use brpc_proto::{Event, Secret, Settlement, json};

use crate::page;
use crate::pair::Pair;
use crate::vectors::{frame, vector};

#[test]
fn limits() {
    let limits = Limits::default();
    let number = |number: u64| usize::try_from(number).unwrap();
    let code = [
        ("handshake, from the connection to Welcome", number(limits.hello_deadline.as_secs())),
        ("length of a frame of the handshake but Describe", MAX_HELLO),
        ("length of a later frame", limits.max_frame),
        ("lowest max_frame that a side may name", Limits::LOWEST_MAX_FRAME),
        ("highest max_frame that a side may name", Limits::HIGHEST_MAX_FRAME),
        ("extensions of Hello, and of Welcome", MAX_EXTENSIONS),
        ("description: body", MAX_DESCRIPTION),
        ("description: methods", MAX_METHODS),
        ("description: nesting of a schema", MAX_SCHEMA_DEPTH),
        ("description: all schemas together", MAX_SCHEMA_NODES),
        ("name of a plugin or a method", name::MAX_NAME),
        ("version text", name::MAX_VERSION),
        ("labels", MAX_LABELS),
        ("labels: keys and values together", MAX_LABEL_BYTES),
        ("key of a label", MAX_LABEL_KEY),
        ("value of a label", MAX_LABEL_VALUE),
        ("token", MAX_TOKEN),
        ("id of a key", name::MAX_NAME),
        ("secret, at least", Secret::MIN),
        ("unanswered calls", limits.max_calls),
        ("trace", MAX_TRACE),
        ("metadata: entries", MAX_METADATA_ENTRIES),
        ("metadata: keys and values together", MAX_METADATA_BYTES),
        ("code of a method's error", MethodError::MAX_CODE),
        ("other texts of Failed", MAX_ERROR_TEXT),
        ("message of Refused and Goodbye", MAX_GOODBYE_TEXT),
        ("nesting of values of any shape", json::MAX_DEPTH),
        ("values of any shape in a payload", json::MAX_NODES),
        ("event credit: events", limits.event_credit as usize),
        ("event credit: bytes", number(limits.event_credit_bytes)),
        ("time without an answer, when nobody waits", number(limits.answer_window.as_secs())),
        ("slowest rate inside a frame", number(MIN_RATE)),
        ("window of that rate", number(limits.stall_window.as_secs())),
        ("connections in a Resume", MAX_SEEN),
        ("calls in a Resume", MAX_RECALLED),
        ("all Resumes of a connection", MAX_ALL_RECALLED),
        ("from Welcome to the last Resume", number(limits.hello_deadline.as_secs())),
        ("answers that are held", limits.queue_bytes),
        ("time for a plugin that has left, when no caller waits", number(LEAVE.as_secs())),
        ("unsent answers of a plugin that starts handlers", limits.queue_bytes),
        ("inputs of calls whose handlers are not started", limits.queue_bytes),
        ("strikes", MAX_STRIKES as usize),
        ("interval of heartbeats", number(limits.heartbeat.unwrap().as_secs())),
        ("shortest interval", number(Limits::SHORTEST_HEARTBEAT.as_secs())),
        ("longest interval", number(Limits::LONGEST_HEARTBEAT.as_secs())),
        ("intervals without a frame", Limits::SILENT_INTERVALS as usize),
        ("heartbeats at once", HEARTBEAT_BURST as usize),
        ("heartbeats earned", HEARTBEAT_RATE as usize),
    ];
    let rows = page::table("| limit | number | of |");
    let page: Vec<(&str, usize)> =
        rows.iter().map(|row| (&*row[0], row[1].replace(',', "").parse().unwrap())).collect();
    assert_eq!(page, code);
    assert_eq!(Refusal::MAX_MESSAGE, MAX_GOODBYE_TEXT);
}

#[test]
fn numbers_in_the_text() {
    let text = page::text();
    let lowest = thousands(Limits::LOWEST_MAX_FRAME);
    for sentence in [
        format!("A name has 1 to {} of the characters", name::MAX_NAME),
        format!("A version has at most {} printable ASCII characters", name::MAX_VERSION),
        format!("1 to {} of `A-Z a-z 0-9 . _ - /`", name::MAX_NAME),
        format!("at most {MAX_LABELS} labels, and {} bytes", thousands(MAX_LABEL_BYTES)),
        format!("1 to {MAX_LABEL_KEY} of the characters `A-Z a-z 0-9 . _ - /`"),
        format!("at most {MAX_LABEL_VALUE} printable ASCII characters, blanks included, and may"),
        format!("the largest length that it takes after Welcome; at least {lowest}"),
        format!("a max_frame below {lowest} in Hello"),
        format!("for people, at most {} bytes", Refusal::MAX_MESSAGE),
        format!("has {} s on each side's clock", Limits::default().hello_deadline.as_secs()),
        format!("has a length of at most {};", thousands(MAX_HELLO)),
        format!("body has at most {} bytes", thousands(MAX_DESCRIPTION)),
        format!("a length of at most {}.", thousands(MAX_DESCRIPTION + 1)),
        format!("At most {} arrays and objects", json::MAX_DEPTH),
        format!("At most {} values", thousands(json::MAX_NODES)),
        format!("trace id, at most {MAX_TRACE} bytes"),
        format!("at most {MAX_METADATA_ENTRIES}, and {} bytes", thousands(MAX_METADATA_BYTES)),
        format!("code for programs, at most {} bytes", MethodError::MAX_CODE),
        format!("for people, at most {} bytes", thousands(MAX_ERROR_TEXT)),
        format!("and {MAX_STRIKES} in the life of a connection are tolerated"),
    ] {
        assert!(text.contains(&sentence), "the page doesn't say: {sentence}");
    }
}

#[test]
fn kinds() {
    let table = page::table("| kind | name | from | in short |");
    let listed = |kind: u8| {
        let row = table.iter().find(|row| row[0] == format!("0x{kind:02x}"))?;
        Some((row[1].to_lowercase(), row[2].clone()))
    };
    for kind in 0..=u8::MAX {
        let is_ignorable = (0x80..=0xBF).contains(&kind);
        let (unexpected, unknown) =
            (ProtocolError::UnexpectedFrame { kind }, ProtocolError::UnknownKind { kind });
        for hub_takes in [true, false] {
            let mut pair = Pair::with_all();
            let one = frame(kind, b"");
            let found = if hub_takes { pair.hub_finds(&one) } else { pair.plugin_finds(&one) };
            match listed(kind) {
                Some((name, from)) => {
                    let from_peer = from == "both" || (from == "plugin") == hub_takes;
                    let is_unexpected = !from_peer || kind < 0x10;
                    assert_eq!(found == Some(unexpected), is_unexpected, "{name}");
                    assert_ne!(found, Some(unknown), "{name}");
                    assert_eq!(vector(&name)[4], kind, "{name}");
                }
                None if is_ignorable => assert_eq!(found, None),
                None => assert_eq!(found, Some(unknown)),
            }
        }
    }
    assert_eq!(table.len(), 25);
}

#[test]
fn codes_of_refusals() {
    let table = page::table("| code | name | meaning | another attempt |");
    for code in 0..=99_u8 {
        let refused = frame(0x03, &[code, 0, 0, 1, 1]);
        let events = Pair::new().plugin_takes(&[vector("preface"), refused].concat());
        let [Event::Refused(refusal), _] = &events[..] else { panic!("{events:?}") };
        let with_wait = refusal.clone().retry_after(Duration::from_secs(1));
        let is_transient = [refusal.is_transient(), with_wait.is_transient()];
        if let Some(row) = table.iter().find(|row| row[0] == code.to_string()) {
            assert_eq!(format!("{:?}", refusal.code), row[1]);
            let expected = match &*row[3] {
                "in vain" => [false; 2],
                "later" => [true; 2],
                "as retry_after_ms says" => [false, true],
                other => panic!("{other}"),
            };
            assert_eq!(is_transient, expected, "{}", row[1]);
            let mut pair = Pair::hello();
            pair.hub.refuse(refusal.clone());
            assert_eq!(pair.hub_sends()[8 + 5], code);
        } else {
            assert_eq!(refusal.code, RefusalCode::Other(code.into()));
            assert_eq!(is_transient, [false, true]);
        }
    }
}

/// Numbers that are not in the table are skipped, and the one that is there is read.
#[test]
fn extensions_of_hello() {
    let table = page::table("| number | name | its bytes |");
    let listed: Vec<_> = table.iter().map(|row| (&*row[0], &*row[1])).collect();
    let names = ["Labels", "Heartbeat", "Idempotent", "Token", "Key"];
    let expected = ["1", "2", "3", "4", "5"].into_iter().zip(names);
    assert_eq!(listed, expected.collect::<Vec<_>>());
    for number in 0..=99_u8 {
        // No list of labels, no interval and no key; idempotent methods and a token may have any bits.
        let mut hello = vector("hello");
        hello.splice(hello.len() - 1.., [1, number, 1, 0xFF]);
        hello[3] += 3;
        let events = Pair::new().hub_takes(&[vector("preface"), hello].concat());
        match &events[..] {
            [Event::Hello(_)] => assert!(![1, 2, 5].contains(&number)),
            [Event::Refused(refusal), Event::Closed(..)] => {
                let code = if number == 1 { RefusalCode::BadLabels } else { RefusalCode::Protocol };
                assert!([1, 2, 5].contains(&number));
                assert_eq!(refusal.code, code);
            }
            events => panic!("{number}: {events:?}"),
        }
    }
}

#[test]
fn statuses() {
    let table = page::table("| status | name | meaning | has the method run? |");
    for status in 0..=u8::MAX {
        let failed = frame(0x19, &[1, status, 0, 0]);
        let events = Pair::calling(1).hub_takes(&failed);
        let row = table.iter().find(|row| row[0] == status.to_string());
        let event = events.into_iter().next();
        let Some(Event::Settled(1, Settlement::Answered(Err(failure), _))) = event else {
            panic!("{status}: {event:?}")
        };
        match row {
            // Of a later version: the call has failed, and nothing else is lost by it.
            None => assert_eq!(failure.status, Status::Unspecified),
            Some(row) => {
                assert_eq!(format!("{:?}", failure.status), row[1]);
                let settlement = Settlement::Answered(Err(failure.clone()), Metadata::new());
                let execution = match &*row[3] {
                    "yes" => Execution::Completed,
                    "never" => Execution::Never,
                    _ => Execution::Unknown,
                };
                let error = settlement.into_result(|| "echo").unwrap_err();
                assert_eq!(error.execution(), execution, "{}", row[1]);
                let mut pair = Pair::running();
                pair.answer(1, Err(failure));
                assert_eq!(pair.plugin_sends(), failed);
            }
        }
    }
}

#[test]
fn codes_of_goodbyes() {
    use DisconnectReason::{
        Clean, HeartbeatTimeout, Rejected, Replaced, Revoked, ShutdownForced, Unplugged,
    };
    let silence = HeartbeatTimeout { side: Side::This, silent: Duration::ZERO };
    let told = [
        ("1", "Done", Clean, Clean),
        ("2", "Unplugged", Clean, Unplugged),
        ("3", "ShuttingDown", Clean, ShutdownForced),
        ("4", "Protocol", Rejected, Rejected),
        ("5", "TooSlow", Rejected, Rejected),
        ("6", "Replaced", Clean, Replaced),
        ("7", "Silent", silence, silence),
        ("8", "Unresponsive", Rejected, Rejected),
        ("9", "Revoked", Clean, Revoked),
    ];
    let table = page::table("| code | name | from | meaning |");
    let rows: Vec<_> = table.iter().map(|row| (&*row[0], &*row[1])).collect();
    assert_eq!(rows, told.map(|(code, name, ..)| (code, name)));
    for (code, name, to_hub, to_plugin) in told {
        // One of them says for how long.
        let more: &[u8] = if name == "Silent" { &[0] } else { &[] };
        let goodbye = frame(0x1F, &[&[code.parse().unwrap(), 0], more].concat());
        let mut pair = Pair::ready();
        let events = pair.hub_takes(&goodbye);
        assert!(matches!(events[..], [Event::Closed(reason, _)] if reason == to_hub), "{name}");
        let events = pair.plugin_takes(&goodbye);
        assert!(matches!(events[..], [Event::Closed(reason, _)] if reason == to_plugin), "{name}");
    }
}

/// A number as the page writes it.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
