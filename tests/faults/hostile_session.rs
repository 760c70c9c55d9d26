//! Plugins that turn hostile after the hub registered them.

use brpc::{CallErrorKind, DisconnectReason, Events, ProtocolError, Socket, Stage};
use futures_util::FutureExt as _;

use crate::good::Good;
use crate::raw::{
    ACCEPTED, BREACH, CALL, CANCEL, CREDIT, DESCRIBE, DRAIN, EVENT, FAILED, GOODBYE, HELLO, Hello,
    LEAVE, METADATA, PREFACE, REFUSED, REPLY, Raw, WELCOME, failed, frame, reply, varint,
};
use crate::scenario::{eventually, scenario, within};
use crate::slow::reason_of;

/// What a plugin does with a call in progress, whose id is 1, and why it is cut off.
struct Case {
    what: &'static str,
    bytes: Vec<u8>,
    ends: End,
    reason: DisconnectReason,
    /// Whether the hub tells the plugin that it broke the protocol.
    is_told: bool,
}

/// What it does after its bytes.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Stay,
    Fin,
    Reset,
}

/// It breaks the protocol.
fn breach(what: &'static str, bytes: Vec<u8>, error: ProtocolError) -> Case {
    let reason = DisconnectReason::Protocol(error);
    Case { what, bytes, ends: End::Stay, reason, is_told: true }
}

/// It goes.
fn gone(what: &'static str, bytes: Vec<u8>, ends: End, reason: DisconnectReason) -> Case {
    Case { what, bytes, ends, reason, is_told: false }
}

fn cases() -> Vec<Case> {
    use ProtocolError as E;
    let unexpected =
        |what, kind, body: &[u8]| breach(what, frame(kind, &[body]), E::UnexpectedFrame { kind });
    let unknown = |kind| breach("an unknown kind", frame(kind, &[b"x"]), E::UnknownKind { kind });
    let malformed =
        |what, kind, body: &[u8]| breach(what, frame(kind, &[body]), E::Malformed { kind });
    let limit = 1 << 20;
    let too_large = |size: u32| E::FrameTooLarge { size: size as usize, limit };
    let with_id = |rest: &[u8]| [&[1], rest].concat();
    vec![
        breach("an answer to no call", reply(7, "1"), E::UnknownCall),
        breach("an answer to the call 0", reply(0, "1"), E::UnknownCall),
        breach("an answer to the last call of all", reply(u64::MAX, "1"), E::UnknownCall),
        breach("a failure of no call", failed(2, 1, "", "", ""), E::UnknownCall),
        breach("answers again and again", reply(1, "1").repeat(18), E::TooManyStrikes),
        breach("skipped frames without end", frame(0xBF, &[b"x"]).repeat(17), E::TooManyStrikes),
        breach("events without credit", frame(EVENT, &[b"1"]).repeat(1_025), E::CreditExceeded),
        breach(
            "large events without credit",
            frame(EVENT, &[&vec![b' '; limit - 1]]).repeat(3),
            E::CreditExceeded,
        ),
        unexpected("a call", CALL, &[1, 0, 0, 0, 0]),
        unexpected("a cancel", CANCEL, &[1]),
        unexpected("credit", CREDIT, &[1, 1]),
        unexpected("a drain", DRAIN, &[1, 0, 0]),
        unexpected("a hello", HELLO, &[]),
        unexpected("an accepted", ACCEPTED, &[1]),
        unexpected("a refusal", REFUSED, &[]),
        unexpected("a description", DESCRIBE, &[0]),
        unexpected("a welcome", WELCOME, &[]),
        unknown(0x00),
        unknown(0x08),
        unknown(0x0F),
        unknown(0x1E),
        unknown(0x22),
        unknown(0x7F),
        unknown(0xC0),
        unknown(0xFF),
        malformed("a reply without an id", REPLY, &[]),
        malformed("a reply with half an id", REPLY, &[0x80]),
        malformed("a reply with a huge id", REPLY, &[0xFF; 11]),
        malformed("metadata without bound", METADATA, &[0xFF; 5]),
        malformed("much metadata", METADATA, &[&[65][..], &[0; 130]].concat()),
        malformed("a failure that is no text", FAILED, &with_id(&[1, 2, 0xC0, 0xAF, 0])),
        malformed("a failure that is cut", FAILED, &with_id(&[1, 200, 1, b'x'])),
        malformed("a goodbye without a code", GOODBYE, &[]),
        breach("a long number", frame(REPLY, &[&[0x81, 0]]), E::Overlong { kind: REPLY }),
        breach("a leave and more", frame(LEAVE, &[&[0, 0]]), E::TrailingBytes { kind: LEAVE }),
        breach(
            "leaving twice",
            frame(LEAVE, &[&[1]]).repeat(2),
            E::UnexpectedFrame { kind: LEAVE },
        ),
        breach(
            "metadata before an event",
            [frame(METADATA, &[&[0]]), frame(EVENT, &[b"1"])].concat(),
            E::UnexpectedFrame { kind: EVENT },
        ),
        breach("an empty frame", vec![0; 4], E::EmptyFrame),
        breach("the longest length", vec![0xFF; 4], too_large(u32::MAX)),
        breach("a length just above the limit", vec![0, 0x10, 0, 1], too_large((1 << 20) + 1)),
        breach("another preface", PREFACE.to_vec(), too_large(0xB262_7270)),
        breach("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), too_large(0x4745_5420)),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        gone("cut in a length", vec![0, 0], End::Fin, DisconnectReason::MidFrame),
        gone(
            "cut in a frame",
            reply(1, "12345")[..7].to_vec(),
            End::Fin,
            DisconnectReason::MidFrame,
        ),
        gone("cut between frames", Vec::new(), End::Fin, DisconnectReason::Unclean),
        gone("reset", Vec::new(), End::Reset, DisconnectReason::Reset),
        gone("reset in a frame", vec![0, 0, 1], End::Reset, DisconnectReason::Reset),
        gone("a goodbye", frame(GOODBYE, &[&[1, 0]]), End::Stay, DisconnectReason::Clean),
        gone("a complaint", frame(GOODBYE, &[&[4, 0]]), End::Stay, DisconnectReason::Rejected),
        gone(
            "a goodbye of a kind to come",
            frame(GOODBYE, &[&varint(999), &[0]]),
            End::Stay,
            DisconnectReason::Clean,
        ),
    ]
}

#[test]
fn a_plugin_that_turns_hostile_is_cut_off_with_its_reason() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        // Reads nothing, so that no credit is returned.
        let _unread = good.hub.events().wait();
        let cases = cases();
        for case in &cases {
            play(&good, case).await;
            good.answers().await;
        }
        println!("{} kinds of breaches", cases.len());
        good.finish().await;
    });
}

/// A stream that ends inside a frame, between frames, or with a reset, and a goodbye: each has a
/// reason of its own, and the calls that were sent may have run.
#[test]
fn l11_the_ends_of_a_stream_are_told_apart() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        for case in &ends() {
            play(&good, case).await;
            good.answers().await;
        }
        good.finish().await;
    });
}

async fn play(good: &Good, case: &Case) {
    let Case { what, bytes, ends, reason, is_told } = case;
    let mut events: Events = good.hub.events();
    let mut plugin = Raw::register(good.address, &Hello::new("hostile")).await;
    let mut call = Box::pin(good.hub.call::<u64>("hostile", "hang", &()).timeout(None));
    assert!((&mut call).now_or_never().is_none());
    plugin.expect(CALL).await;
    let mut peer = Some(plugin);
    if let Some(plugin) = &mut peer {
        plugin.send(bytes).await;
        if *ends == End::Fin {
            plugin.end().await;
        }
    }
    if *ends == End::Reset
        && let Some(plugin) = peer.take()
    {
        if !bytes.is_empty() {
            // The bytes first, and then the reset.
            crate::raw::pause().await;
        }
        plugin.reset();
    }
    assert_eq!(reason_of(&mut events, "hostile").await, *reason, "{what}");
    match within("the call", call).await {
        // It was answered, once, before the rest.
        Ok(answer) => assert_eq!((answer, *what), (1, "answers again and again")),
        Err(error) => {
            let CallErrorKind::Disconnected { stage, reason: told, .. } = error.kind() else {
                panic!("{what}: {error:?}")
            };
            assert_eq!((*stage, told), (Stage::Sent, reason), "{what}");
        }
    }
    if let Some(plugin) = &mut peer {
        let code = plugin.goodbye().await;
        assert_eq!(code, is_told.then_some(BREACH), "{what}");
    }
}

/// What is odd but does no harm is tolerated, up to a number.
#[test]
fn f11_strikes_are_counted_and_the_first_answer_stands() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let mut events = good.hub.events();
        let mut plugin = Raw::register(good.address, &Hello::new("odd")).await;
        let mut call = Box::pin(good.hub.call::<u64>("odd", "hang", &()));
        assert!((&mut call).now_or_never().is_none());
        plugin.expect(CALL).await;
        for answer in 1..=9 {
            plugin.send(&reply(1, answer.to_string())).await;
        }
        plugin.send(&frame(0x80, &[b"to come"]).repeat(8)).await;
        assert_eq!(within("the call", call).await, Ok(1));
        // 8 answers too many and 8 frames to be skipped: still there.
        let mut call = Box::pin(good.hub.call::<u64>("odd", "hang", &()));
        assert!((&mut call).now_or_never().is_none());
        plugin.expect(CALL).await;
        plugin.send(&[reply(2, "2"), reply(1, "3")].concat()).await;
        assert_eq!(within("the call", call).await, Ok(2));
        let reason = reason_of(&mut events, "odd").await;
        assert_eq!(reason, DisconnectReason::Protocol(ProtocolError::TooManyStrikes));
        assert_eq!(plugin.goodbye().await, Some(BREACH));
        good.finish().await;
    });
}

/// Plugins that disconnect at once, before or after they are registered: subscribers see either
/// both of connecting and disconnecting or none, and the name is free.
#[test]
fn who_goes_at_once_leaves_no_name_behind() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let hello = Hello::new("brief");
        let describe = frame(DESCRIBE, &[&hello.description]);
        let whole = [&PREFACE[..], &hello.encode(), &describe].concat();
        for n in 0..200 {
            let mut peer = Raw::connect(good.address).await;
            peer.send(&whole).await;
            if n % 2 == 0 {
                peer.reset();
            } else {
                peer.end().await;
                peer.rest().await;
            }
        }
        eventually("the name is free", || good.hub.connected().len() == 1).await;
        let last = Raw::register(good.address, &hello).await;
        drop(last);
        good.finish().await;
    });
}
