//! Each breach on the page, and what the code makes of it.

use std::collections::BTreeSet;

use brpc_core::ProtocolError::{self, *};
use brpc_core::{DisconnectReason, Limits, RefusalCode};
use brpc_proto::Event;
use brpc_proto::limits::MAX_STRIKES;

use crate::page;
use crate::pair::Pair;
use crate::vectors::{frame, vector};

/// Where something comes that must not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    /// The hub, to which nothing has come.
    HubStart,
    /// The hub, which waits for Hello.
    HubHello,
    /// The hub, which waits for Proof.
    HubProof,
    /// The hub, which waits for Describe.
    HubDescribe,
    /// The hub, after Welcome.
    Hub,
    /// The plugin, to which nothing has come.
    PluginStart,
    /// The plugin, which waits for Accepted.
    PluginAccepted,
    /// The same, and the plugin offers a key.
    KeyedPlugin,
    /// The plugin, which waits for Welcome.
    PluginWelcome,
    /// The plugin, after Welcome.
    Plugin,
    /// The hub, after Welcome, with heartbeats.
    BeatingHub,
    /// The plugin, after Welcome, with heartbeats.
    BeatingPlugin,
    /// The hub, after Welcome, with calls that outlive a connection.
    ResumingHub,
    /// The plugin, after Welcome, with calls that outlive a connection.
    ResumingPlugin,
    /// The same, after Resumed.
    ResumedPlugin,
}

impl At {
    /// After Welcome.
    fn pair(self) -> Pair {
        match self {
            Self::BeatingHub | Self::BeatingPlugin => Pair::ready_and_beating(),
            Self::ResumingHub | Self::ResumingPlugin => Pair::resuming(),
            Self::ResumedPlugin => Pair::resumed(),
            _ => Pair::ready(),
        }
    }

    fn is_hub(self) -> bool {
        use At::*;
        matches!(
            self,
            HubStart | HubHello | HubProof | HubDescribe | Hub | BeatingHub | ResumingHub
        )
    }
}

const HELLO: u8 = 0x01;
const WELCOME: u8 = 0x05;
const CHALLENGE: u8 = 0x06;
const PROOF: u8 = 0x07;
const CALL: u8 = 0x10;
const CANCEL: u8 = 0x11;
const CREDIT: u8 = 0x12;
const DRAIN: u8 = 0x13;
const RESUMABLE: u8 = 0x14;
const CONTINUE: u8 = 0x15;
const CONFIRM: u8 = 0x16;
const RESUMED: u8 = 0x17;
const REPLY: u8 = 0x18;
const FAILED: u8 = 0x19;
const EVENT: u8 = 0x1A;
const LEAVE: u8 = 0x1B;
const METADATA: u8 = 0x1C;
const RESUME: u8 = 0x1D;
const GOODBYE: u8 = 0x1F;
const PING: u8 = 0x20;
const PONG: u8 = 0x21;
const IGNORABLE: u8 = 0x80;

/// The largest length that either side takes after Welcome, in the tests.
const LIMIT: usize = 1 << 20;

type Case = (&'static str, At, Vec<u8>, ProtocolError);

fn cases() -> Vec<Case> {
    [layout(), credentials(), meaning()].concat()
}

/// What can be found in a frame by itself.
fn layout() -> Vec<Case> {
    use At::*;
    let too_large = |size: usize, limit| {
        let length = u32::try_from(size).unwrap().to_be_bytes().to_vec();
        (length, FrameTooLarge { size, limit })
    };
    let large = |at, size, limit| {
        let (bytes, error) = too_large(size, limit);
        ("V3", at, bytes, error)
    };
    vec![
        ("V1", HubStart, b"hello".to_vec(), BadPreface),
        ("V1", HubStart, vec![0x80], BadPreface),
        ("V1", HubStart, vec![0], BadPreface),
        ("V1", HubStart, b"AB".to_vec(), BadPreface),
        ("V1", PluginStart, b"\xB2brpC".to_vec(), BadPreface),
        ("V2", HubHello, vec![0; 4], EmptyFrame),
        ("V2", Hub, vec![0; 4], EmptyFrame),
        ("V2", PluginAccepted, vec![0; 4], EmptyFrame),
        ("V2", Plugin, vec![0; 4], EmptyFrame),
        large(HubHello, 4097, 4096),
        large(HubDescribe, (1 << 20) + 2, (1 << 20) + 1),
        large(Hub, LIMIT + 1, LIMIT),
        large(PluginAccepted, 4097, 4096),
        large(Plugin, LIMIT + 1, LIMIT),
        large(Plugin, u32::MAX as usize, LIMIT),
        ("V4", HubHello, frame(0x08, b""), UnknownKind { kind: 0x08 }),
        ("V4", HubDescribe, begun(4097, 0x08), UnknownKind { kind: 0x08 }),
        ("V4", PluginAccepted, frame(0xC0, b""), UnknownKind { kind: 0xC0 }),
        ("V4", Hub, begun(LIMIT, 0x08), UnknownKind { kind: 0x08 }),
        ("V4", Hub, frame(0x08, b""), UnknownKind { kind: 0x08 }),
        ("V4", Hub, frame(0xC0, b""), UnknownKind { kind: 0xC0 }),
        ("V4", Plugin, frame(0x09, b""), UnknownKind { kind: 0x09 }),
        ("V4", Plugin, frame(0x7F, b""), UnknownKind { kind: 0x7F }),
        ("V5", HubHello, vector("describe"), unexpected(0x04)),
        ("V5", HubHello, vector("goodbye"), unexpected(GOODBYE)),
        ("V5", HubDescribe, vector("hello"), unexpected(HELLO)),
        ("V5", HubDescribe, frame(IGNORABLE, b""), unexpected(IGNORABLE)),
        // Judged before the rest has come, so only a Describe may be as large as one.
        ("V5", HubDescribe, begun(4097, HELLO), unexpected(HELLO)),
        ("V5", HubDescribe, begun(1 << 20, EVENT), unexpected(EVENT)),
        ("V5", Hub, begun(LIMIT, CALL), unexpected(CALL)),
        ("V5", Plugin, begun(LIMIT, REPLY), unexpected(REPLY)),
        ("V5", Hub, vector("hello"), unexpected(HELLO)),
        ("V5", Hub, vector("call"), unexpected(CALL)),
        ("V5", PluginAccepted, vector("welcome"), unexpected(0x05)),
        ("V5", PluginWelcome, vector("accepted"), unexpected(0x02)),
        ("V5", PluginWelcome, frame(IGNORABLE, b""), unexpected(IGNORABLE)),
        ("V5", Plugin, vector("welcome"), unexpected(0x05)),
        ("V5", Plugin, vector("reply"), unexpected(REPLY)),
        ("V5", Plugin, vector("metadata"), unexpected(METADATA)),
        // Of a feature that they don't have; and at another time.
        ("V5", Hub, vector("resume"), unexpected(RESUME)),
        ("V5", Plugin, vector("resumable"), unexpected(RESUMABLE)),
        ("V5", Plugin, vector("continue"), unexpected(CONTINUE)),
        ("V5", Plugin, vector("confirm"), unexpected(CONFIRM)),
        ("V5", Plugin, vector("resumed"), unexpected(RESUMED)),
        ("V5", ResumingHub, vector("resume").repeat(2), unexpected(RESUME)),
        ("V5", ResumingPlugin, vector("resumed").repeat(2), unexpected(RESUMED)),
        // What goes on comes before Resumed, and all else behind it.
        ("V5", ResumingPlugin, vector("call"), unexpected(CALL)),
        ("V5", ResumingPlugin, vector("resumable"), unexpected(RESUMABLE)),
        ("V5", ResumedPlugin, vector("continue"), unexpected(CONTINUE)),
        ("V6", HubHello, frame(HELLO, &[1, 1, 0]), malformed(HELLO)),
        ("V6", HubHello, with_extensions("hello", 65), malformed(HELLO)),
        ("V6", HubHello, with_extension("hello", 2, &[&[5], &[5]]), malformed(HELLO)),
        ("V6", HubHello, with_extension("hello", 2, &[&[0x85, 0]]), malformed(HELLO)),
        ("V6", HubHello, with_extension("hello", 3, &[&[1], &[1]]), malformed(HELLO)),
        ("V6", PluginWelcome, with_extension("welcome", 2, &[&[5, 5]]), malformed(WELCOME)),
        ("V6", Hub, frame(REPLY, b""), malformed(REPLY)),
        ("V6", Hub, frame(GOODBYE, &[1, 1, 0xFF]), malformed(GOODBYE)),
        ("V6", Hub, frame(GOODBYE, &[0x80, 0x80, 0x04, 0]), malformed(GOODBYE)),
        ("V6", Hub, frame(METADATA, &[1, 0]), malformed(METADATA)),
        ("V6", PluginAccepted, frame(0x02, &[2]), malformed(0x02)),
        ("V6", PluginAccepted, frame(0x03, &[1, 0, 2, 1, 1]), malformed(0x03)),
        ("V6", PluginWelcome, with_extensions("welcome", 65), malformed(0x05)),
        ("V6", Plugin, frame(CANCEL, &[0xFF; 10]), malformed(CANCEL)),
        ("V6", ResumingHub, recalled(513), malformed(RESUME)),
        ("V6", Plugin, frame(DRAIN, &[3, 0, 0]), malformed(DRAIN)),
        ("V7", Hub, frame(REPLY, &[0x81, 0]), Overlong { kind: REPLY }),
        ("V7", Plugin, frame(CANCEL, &[0x85, 0]), Overlong { kind: CANCEL }),
        ("V7", Plugin, frame(DRAIN, &[1, 0, 0x80, 0]), Overlong { kind: DRAIN }),
        ("V8", Hub, frame(LEAVE, &[1, 0]), TrailingBytes { kind: LEAVE }),
        ("V8", Hub, frame(METADATA, &[0, 0]), TrailingBytes { kind: METADATA }),
        ("V8", Plugin, frame(CREDIT, &[1, 1, 0]), TrailingBytes { kind: CREDIT }),
    ]
}

/// What can be found of a plugin that shows who it is.
fn credentials() -> Vec<Case> {
    use At::*;
    vec![
        // Without a challenge, twice, or at another time.
        ("V5", HubHello, vector("proof"), unexpected(PROOF)),
        ("V5", HubDescribe, begun(4097, PROOF), unexpected(PROOF)),
        ("V5", HubProof, vector("describe"), unexpected(0x04)),
        ("V5", HubProof, vector("hello-key"), unexpected(HELLO)),
        ("V5", HubProof, vector("goodbye"), unexpected(GOODBYE)),
        ("V5", HubProof, begun(33, EVENT), unexpected(EVENT)),
        ("V5", Hub, vector("proof"), unexpected(PROOF)),
        ("V5", PluginAccepted, vector("challenge"), unexpected(CHALLENGE)),
        ("V5", KeyedPlugin, vector("challenge").repeat(2), unexpected(CHALLENGE)),
        ("V5", KeyedPlugin, vector("proof"), unexpected(PROOF)),
        ("V5", PluginWelcome, vector("challenge"), unexpected(CHALLENGE)),
        ("V5", Plugin, vector("challenge"), unexpected(CHALLENGE)),
        ("V6", HubHello, with_extension("hello", 4, &[b"t", b"t"]), malformed(HELLO)),
        ("V6", HubHello, with_extension("hello", 4, &[b""]), malformed(HELLO)),
        ("V6", HubHello, with_token_of(2_049), malformed(HELLO)),
        ("V6", HubHello, with_extension("hello", 5, &[&KEY, &KEY]), malformed(HELLO)),
        ("V6", HubHello, with_extension("hello", 5, &[&KEY[1..]]), malformed(HELLO)),
        ("V6", HubHello, with_extension("hello", 5, &[b""]), malformed(HELLO)),
        ("V6", HubProof, frame(PROOF, &[7; 31]), malformed(PROOF)),
        ("V6", KeyedPlugin, frame(CHALLENGE, &[7; 31]), malformed(CHALLENGE)),
        ("V8", HubProof, frame(PROOF, &[7; 33]), TrailingBytes { kind: PROOF }),
    ]
}

/// What is wrong at that time, or above a limit.
fn meaning() -> Vec<Case> {
    use At::*;
    // Fields of a Call after its id: method 0, no limit, no trace id, no metadata.
    let call = |id: u8| frame(CALL, &[id, 0, 0, 0, 0]);
    let calls = |count: u16| {
        // Ids of two bytes each, from 128 on.
        let id = |id: u16| [0x80 | id & 0x7F, id >> 7].map(|byte| u8::try_from(byte).unwrap());
        let header = |n: u16| [&id(127 + n)[..], &[0, 0, 0, 0]].concat();
        (1..=count).flat_map(|n| frame(CALL, &header(n))).collect()
    };
    let resumable = |id: u8| frame(RESUMABLE, &[0, id, 0, 0, 0, 0]);
    let go_on = |id: u8| frame(CONTINUE, &[id, 1, 1, 0]);
    let resumed = vector("resumed");
    // Ids below those of the calls.
    let all_go_on = |count: u16| {
        let id = |n: u16| match u8::try_from(n) {
            Ok(id @ ..0x80) => vec![id],
            _ => [0x80 | n & 0x7F, n >> 7].map(|byte| u8::try_from(byte).unwrap()).to_vec(),
        };
        let header = |n: u16| [&id(n)[..], &[1, 1, 0]].concat();
        (1..=count).flat_map(|n| frame(CONTINUE, &header(n))).collect()
    };
    let trace_of_257 = [&[0x81, 0x02][..], &[b't'; 257]].concat();
    let with_trace = frame(CALL, &[&[1, 0, 0], &trace_of_257[..], &[0]].concat());
    let drain_with_trace = frame(DRAIN, &[&[1, 0], &trace_of_257[..]].concat());
    let too_many_pairs = [&[65][..], &[0; 130]].concat();
    let too_large_pair = [&[1, 0, 0x81, 0x40][..], &[b'v'; 8193]].concat();
    let with_metadata = |pairs: &[u8]| frame(CALL, &[&[1, 0, 0, 0], pairs].concat());
    let drain = vector("drain");
    let small_welcome = with_max_frame("welcome", &[0xFF, 0x7F]);
    // A version that the hub chose and the plugin doesn't speak.
    let version_0 = [&vector("welcome")[..5], &[0, 0, 0], &vector("welcome")[8..]].concat();
    vec![
        ("V14", PluginWelcome, version_0, VersionMismatch),
        ("V9", Hub, frame(REPLY, &[1]), UnknownCall),
        ("V9", Hub, frame(REPLY, &[0]), UnknownCall),
        ("V9", Hub, frame(FAILED, &[1, 1, 0, 0]), UnknownCall),
        ("V10", Hub, frame(EVENT, b"1").repeat(3), CreditExceeded),
        ("V11", Hub, vector("leave").repeat(2), UnexpectedFrame { kind: LEAVE }),
        ("V13", HubDescribe, frame(0x04, &[0]), DigestMismatch),
        ("V12", PluginWelcome, small_welcome, malformed(WELCOME)),
        ("V14", PluginWelcome, tampered_welcome(0), VersionMismatch),
        ("V14", PluginWelcome, tampered_welcome(1), VersionMismatch),
        ("V14", PluginWelcome, tampered_welcome(3), VersionMismatch),
        ("V14", PluginWelcome, tampered_welcome(4), VersionMismatch),
        ("V15", Plugin, call(0), CallIdOrder),
        ("V15", Plugin, [call(2), call(2)].concat(), CallIdOrder),
        ("V15", Plugin, [call(2), call(1)].concat(), CallIdOrder),
        ("V16", Plugin, frame(CALL, &[1, 2, 0, 0, 0]), UnknownMethod),
        ("V17", Plugin, with_trace, malformed(CALL)),
        ("V17", Plugin, drain_with_trace, malformed(DRAIN)),
        ("V17", Plugin, with_metadata(&too_many_pairs), malformed(CALL)),
        ("V17", Plugin, with_metadata(&too_large_pair), malformed(CALL)),
        ("V18", Plugin, calls(1025), TooManyCalls),
        ("V19", Plugin, [&call(1), &drain[..], &call(2)].concat(), unexpected(CALL)),
        ("V19", Plugin, drain.repeat(2), unexpected(DRAIN)),
        ("V20", Plugin, frame(CANCEL, &[1]), UnknownCancel),
        ("V20", Plugin, [call(1), frame(CANCEL, &[2])].concat(), UnknownCancel),
        ("V21", Plugin, frame(CREDIT, &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0]), CreditOverflow),
        ("V22", Hub, strikes(MAX_STRIKES + 1), TooManyStrikes),
        ("V22", Plugin, strikes(MAX_STRIKES + 1), TooManyStrikes),
        ("V15", ResumingPlugin, go_on(2).repeat(2), CallIdOrder),
        ("V15", ResumingPlugin, [go_on(2), resumed, resumable(1)].concat(), CallIdOrder),
        ("V18", ResumingPlugin, all_go_on(1025), TooManyCalls),
        (
            "V18",
            ResumingPlugin,
            [all_go_on(1), vector("resumed"), calls(1024)].concat(),
            TooManyCalls,
        ),
        ("V20", ResumingPlugin, frame(CONFIRM, &[1]), UnknownCancel),
        ("V20", ResumingPlugin, frame(CONFIRM, &[0]), UnknownCancel),
        ("V26", ResumingHub, recalled(512).repeat(2045), ResumeTooLong),
        ("V27", ResumingHub, Vec::new(), NoResume),
        ("V23", Hub, frame(METADATA, &too_many_pairs), malformed(METADATA)),
        ("V23", Hub, frame(METADATA, &too_large_pair), malformed(METADATA)),
        ("V5", Hub, vector("ping"), unexpected(PING)),
        ("V5", Plugin, vector("pong"), unexpected(PONG)),
        ("V25", BeatingHub, vector("ping").repeat(4_097), TooManyHeartbeats),
        ("V25", BeatingPlugin, vector("pong").repeat(4_097), TooManyHeartbeats),
        ("V24", Hub, vector("metadata").repeat(2), unexpected(METADATA)),
        ("V24", Hub, [vector("metadata"), vector("event")].concat(), unexpected(EVENT)),
        ("V24", Hub, [vector("metadata"), strikes(1)].concat(), unexpected(0xBF)),
    ]
}

/// A Resume with so many calls, behind which more come.
fn recalled(calls: u16) -> Vec<u8> {
    let count = [0x80 | calls & 0x7F, calls >> 7].map(|byte| u8::try_from(byte).unwrap());
    let kept = (0..calls).flat_map(|_| [1, 1]).collect::<Vec<u8>>();
    frame(RESUME, &[&[0][..], &count, &kept, &[1]].concat())
}

fn malformed(kind: u8) -> ProtocolError {
    Malformed { kind }
}

fn unexpected(kind: u8) -> ProtocolError {
    UnexpectedFrame { kind }
}

#[test]
fn each_breach_has_its_reason() {
    for (id, at, bytes, error) in cases() {
        let told = format!("{id} {at:?} {:02x?}", &bytes[..bytes.len().min(16)]);
        match at {
            At::HubStart => {
                let mut pair = Pair::new();
                assert_eq!(pair.hub_finds(&bytes), Some(error), "{told}");
                assert!(pair.hub_sends().is_empty(), "{told}");
            }
            At::HubHello | At::HubProof | At::HubDescribe => {
                let mut pair = match at {
                    At::HubHello => Pair::new(),
                    At::HubProof => Pair::challenged(),
                    _ => Pair::accepted(),
                };
                let preface = if at == At::HubHello { vector("preface") } else { Vec::new() };
                let events = pair.hub_takes(&[preface, bytes].concat());
                let [Event::Refused(refusal), Event::Closed(..)] = &events[..] else {
                    panic!("{told}: {events:?}")
                };
                assert_eq!(refusal.code, RefusalCode::Protocol, "{told}");
                assert_eq!(refusal.message, error.to_string(), "{told}");
            }
            At::Hub | At::BeatingHub | At::ResumingHub => {
                let mut pair = at.pair();
                if bytes.is_empty() {
                    pair.wait(Limits::default().hello_deadline);
                }
                assert_eq!(pair.hub_finds(&bytes), Some(error), "{told}");
                assert_eq!(pair.hub_sends(), goodbye(&error), "{told}");
            }
            At::PluginStart | At::PluginAccepted | At::KeyedPlugin | At::PluginWelcome => {
                let mut pair = if at == At::KeyedPlugin { Pair::keyed() } else { Pair::new() };
                pair.plugin_sends();
                let before = match at {
                    At::PluginStart => Vec::new(),
                    At::PluginAccepted | At::KeyedPlugin => vector("preface"),
                    _ => [vector("preface"), vector("accepted-known")].concat(),
                };
                assert_eq!(pair.plugin_finds(&[before, bytes].concat()), Some(error), "{told}");
                // It may have answered a challenge before that.
                let said = pair.plugin_sends();
                assert!(said.is_empty() || said == vector("proof"), "{told}");
            }
            At::Plugin | At::BeatingPlugin | At::ResumingPlugin | At::ResumedPlugin => {
                let mut pair = at.pair();
                assert_eq!(pair.plugin_finds(&bytes), Some(error), "{told}");
                assert_eq!(pair.plugin_sends(), goodbye(&error), "{told}");
            }
        }
    }
}

#[test]
fn each_breach_on_the_page_is_tested() {
    let mut tested = BTreeSet::new();
    for (id, at, ..) in cases() {
        tested.insert((id.to_owned(), at.is_hub()));
    }
    // It has a reason of its own; see `a_plugin_must_take_frames_of_some_size`.
    tested.insert(("V12".to_owned(), true));
    let mut listed = BTreeSet::new();
    for row in page::table("| id | found by | breach |") {
        let (hub, plugin) = match &*row[1] {
            "both" => (true, true),
            "hub" => (true, false),
            "plugin" => (false, true),
            other => panic!("{other}"),
        };
        listed.extend(hub.then(|| (row[0].clone(), true)));
        listed.extend(plugin.then(|| (row[0].clone(), false)));
    }
    assert_eq!(tested, listed);
}

#[test]
fn a_plugin_must_take_frames_of_some_size() {
    let hello = with_max_frame("hello", &[0xFF, 0x7F]);
    let events = Pair::new().hub_takes(&[vector("preface"), hello].concat());
    let [Event::Refused(refusal), _] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::Protocol);
    assert!(refusal.message.contains(&Limits::LOWEST_MAX_FRAME.to_string()));
}

#[test]
fn f04_frames_up_to_the_limit_pass() {
    let payload = vec![b' '; LIMIT - 2];
    let mut pair = Pair::calling(1);
    let events = pair.hub_takes(&frame(REPLY, &[&[1], &payload[..]].concat()));
    assert!(matches!(events[..], [Event::Settled(1, _)]));
    let payload = vec![b' '; LIMIT - 6];
    let events =
        Pair::ready().plugin_takes(&frame(CALL, &[&[1, 0, 0, 0, 0], &payload[..]].concat()));
    assert!(matches!(events[..], [Event::Call { .. }]));
}

#[test]
fn strikes_are_tolerated_up_to_a_number() {
    // S1
    let mut pair = Pair::calling(1);
    let answers = vector("reply").repeat(1 + MAX_STRIKES as usize);
    assert!(matches!(pair.hub_takes(&answers)[..], [Event::Settled(1, _)]));
    assert_eq!(pair.hub_finds(&vector("failed-cancelled")), Some(TooManyStrikes));
    // S1, of a call that Leave disowned.
    let mut pair = Pair::calling(1);
    pair.hub_takes(&vector("leave-unused"));
    assert!(pair.hub_takes(&vector("reply").repeat(MAX_STRIKES as usize)).is_empty());
    assert_eq!(pair.hub_finds(&vector("reply")), Some(TooManyStrikes));
    // S2
    let mut pair = Pair::ready();
    assert!(pair.hub_takes(&strikes(MAX_STRIKES)).is_empty());
    assert!(pair.plugin_takes(&strikes(MAX_STRIKES)).is_empty());
    // S3; the first Cancel is none.
    let mut pair = Pair::ready();
    let cancels = frame(CANCEL, &[1]).repeat(1 + MAX_STRIKES as usize);
    let events = pair.plugin_takes(&[frame(CALL, &[1, 0, 0, 0, 0]), cancels].concat());
    assert!(events.is_empty(), "cancelled at once: {events:?}");
    assert_eq!(pair.plugin_finds(&frame(CANCEL, &[1])), Some(TooManyStrikes));
    // S4
    let mut pair = Pair::ready();
    let nothing = frame(CREDIT, &[0, 0]);
    assert!(pair.plugin_takes(&nothing.repeat(MAX_STRIKES as usize)).is_empty());
    assert_eq!(pair.plugin_finds(&nothing), Some(TooManyStrikes));
    assert_eq!(page::table("| id | found by | strike |").len(), 4);
}

#[test]
fn what_is_no_breach() {
    // A late answer, whatever is in it; a Cancel after the answer; a last id that is too high.
    let mut pair = Pair::running();
    pair.hub.cancel(1, pair.now).unwrap();
    let cancel = pair.hub_sends();
    pair.answer(1, Ok(bytes::Bytes::new()));
    pair.plugin_sends();
    assert!(pair.plugin_takes(&cancel).is_empty());
    assert!(pair.hub_takes(&vector("reply")).is_empty());
    assert!(pair.hub_takes(&vector("leave")).is_empty());
    // Codes to come.
    let events = pair.plugin_takes(&frame(GOODBYE, &[99, 0]));
    assert!(matches!(events[..], [Event::Closed(DisconnectReason::Clean, _)]));
    // Extensions and features to come; the same one as often as there may be extensions.
    let mut hello = with_extensions("hello", 64);
    hello[7] = 0x40;
    let events = Pair::new().hub_takes(&[vector("preface"), hello].concat());
    assert!(matches!(events[..], [Event::Hello(_)]), "{events:?}");
    let mut pair = Pair::new();
    pair.plugin_takes(&[vector("preface"), vector("accepted-known")].concat());
    let events = pair.plugin_takes(&with_extensions("welcome", 64));
    assert!(matches!(events[..], [Event::Welcomed(_)]), "{events:?}");
    // A preface of a layout to come.
    let mut preface = vector("preface");
    preface[6..].copy_from_slice(&[9, 9]);
    let events = Pair::new().hub_takes(&[preface, vector("hello")].concat());
    assert!(matches!(events[..], [Event::Hello(_)]));
}

/// Welcome with another byte at this place in its body.
fn tampered_welcome(place: usize) -> Vec<u8> {
    let mut welcome = vector("welcome");
    welcome[5 + place] = 2;
    welcome
}

/// Hello with a token of so many bytes.
fn with_token_of(bytes: usize) -> Vec<u8> {
    let hello = vector("hello");
    let size = [0x80 | (bytes & 0x7F), bytes >> 7].map(|byte| u8::try_from(byte).unwrap());
    let token = [&[1, 4][..], &size, &vec![b't'; bytes]].concat();
    frame(HELLO, &[&hello[5..hello.len() - 1], &token].concat())
}

/// The extension Key with an id of one byte.
const KEY: [u8; 34] = {
    let mut key = [b'k'; 34];
    key[0] = 1;
    key
};

/// The length and the kind of a frame, and no more of it.
fn begun(length: usize, kind: u8) -> Vec<u8> {
    [&u32::try_from(length).unwrap().to_be_bytes()[..], &[kind]].concat()
}

/// The frame of a vector that ends with its extensions, with so many that nobody knows.
fn with_extensions(name: &str, count: u8) -> Vec<u8> {
    let vector = vector(name);
    let unknown = [0xAC, 0x02, 2, 7, 7].repeat(count.into());
    frame(vector[4], &[&vector[5..vector.len() - 1], &[count], &unknown].concat())
}

/// The frame of a vector that ends with its extensions, with the one of this number as often as
/// there are bytes for it.
fn with_extension(name: &str, number: u8, all: &[&[u8]]) -> Vec<u8> {
    let vector = vector(name);
    let extension =
        |bytes: &&[u8]| [&[number, u8::try_from(bytes.len()).unwrap()], *bytes].concat();
    let extensions: Vec<_> = all.iter().flat_map(extension).collect();
    let count = u8::try_from(all.len()).unwrap();
    frame(vector[4], &[&vector[5..vector.len() - 1], &[count], &extensions].concat())
}

/// The frame of a vector with another `max_frame`; 16,383 is `FF 7F`.
pub(crate) fn with_max_frame(name: &str, max_frame: &[u8]) -> Vec<u8> {
    let mut body = vector(name).split_off(5);
    let place = body.windows(3).position(|bytes| bytes == [0x80, 0x80, 0x40]).unwrap();
    body.splice(place..place + 3, max_frame.iter().copied());
    frame(vector(name)[4], &body)
}

fn strikes(count: u32) -> Vec<u8> {
    (0..count).flat_map(|_| frame(0xBF, b"whatever")).collect()
}

/// What a side says that finds a breach.
fn goodbye(error: &ProtocolError) -> Vec<u8> {
    let text = error.to_string();
    let length = u8::try_from(text.len()).unwrap();
    frame(GOODBYE, &[&[4, length], text.as_bytes()].concat())
}
