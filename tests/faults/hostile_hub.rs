//! Hubs that do what no hub does.

use std::sync::Arc;
use std::time::Duration;

use brpc::{
    ConnectError, DisconnectReason, EndReason, Limits, Plugin, ProtocolError, RefusalCode, Socket,
};
use tokio::task::JoinHandle;

use crate::good::Good;
use crate::random::Random;
use crate::raw::{
    ACCEPTED, BREACH, CALL, CANCEL, CREDIT, DESCRIBE, DRAIN, EVENT, FAILED, GOODBYE, HELLO, LEAVE,
    PREFACE, REFUSED, REPLY, RawHub, WELCOME, Welcome, call, frame, string, varint,
};
use crate::scenario::{scaled, scenario, within};
use crate::worker::{Desk, Worker};

/// The numbers of the worker's methods.
const SCRAMBLE: u64 = 0;
const RECORDED: u64 = 2;
const WAIT: u64 = 3;
const NAP: u64 = 5;
const TEXT: u64 = 7;

/// Dials, and runs if the hub registers it; over when no handler runs any more.
fn dial(hub: &RawHub, limits: Limits) -> (Arc<Desk>, JoinHandle<Result<EndReason, ConnectError>>) {
    let (desk, plugin) = Worker::plugin("worker");
    let (address, plugin): (_, Plugin<Worker>) = (hub.address, plugin.limits(limits));
    let running = async move {
        let session = plugin.connect(address).await?;
        let handle = session.handle();
        let reason = session.run().await;
        handle.finished().await;
        Ok(reason)
    };
    (desk, tokio::spawn(running))
}

#[test]
fn a_refusal_is_told_as_it_is() {
    let codes = [
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
    scenario(async move {
        let hub = RawHub::new().await;
        for is_accepted in [false, true] {
            for (number, code) in codes {
                for (retry, wait) in [
                    (vec![0], None),
                    ([&[1][..], &varint(1_500)].concat(), Some(Duration::from_millis(1_500))),
                    ([&[1][..], &varint(u64::MAX)].concat(), Some(Duration::from_millis(u64::MAX))),
                ] {
                    let (_, running) = dial(&hub, Limits::default());
                    let mut raw = hub.greeted().await;
                    raw.send(&PREFACE).await;
                    if is_accepted {
                        raw.send(&frame(ACCEPTED, &[&[1]])).await;
                        raw.expect(DESCRIBE).await;
                    }
                    let message = string("m".repeat(2_000));
                    raw.send(&frame(REFUSED, &[&varint(number), &message, &retry, &[1, 1]])).await;
                    // It waits for that, so that the last bytes arrive.
                    raw.end().await;
                    match within("a refusal", running).await.unwrap() {
                        Err(ConnectError::Refused(refusal)) => {
                            assert_eq!((refusal.code, refusal.retry_after), (code, wait));
                            assert!(refusal.message.len() <= 256);
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    });
}

#[test]
fn a_hub_that_breaks_the_handshake_is_left() {
    use ProtocolError as E;
    let welcomed = |welcome: Welcome| [&frame(ACCEPTED, &[&[0]])[..], &welcome.encode()].concat();
    let cases: Vec<(&str, Vec<u8>, DisconnectReason)> = [
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), E::BadPreface),
        ("one wrong byte", [&PREFACE[..5], b"?"].concat(), E::BadPreface),
    ]
    .into_iter()
    .chain(
        [
            ("an empty frame", vec![0; 4], E::EmptyFrame),
            ("no end", vec![0xFF; 4], E::FrameTooLarge { size: u32::MAX as usize, limit: 4096 }),
            ("a call", call(1, 0, "1"), E::UnexpectedFrame { kind: CALL }),
            ("a hello", frame(HELLO, &[]), E::UnexpectedFrame { kind: HELLO }),
            ("a frame to be skipped", frame(0x80, &[]), E::UnexpectedFrame { kind: 0x80 }),
            ("accepted as 2", frame(ACCEPTED, &[&[2]]), E::Malformed { kind: ACCEPTED }),
            (
                "accepted, and more",
                frame(ACCEPTED, &[&[0, 0]]),
                E::TrailingBytes { kind: ACCEPTED },
            ),
            (
                "a welcome too early",
                Welcome::default().encode(),
                E::UnexpectedFrame { kind: WELCOME },
            ),
            (
                "accepted twice",
                frame(ACCEPTED, &[&[0]]).repeat(2),
                E::UnexpectedFrame { kind: ACCEPTED },
            ),
            (
                "half a welcome",
                [frame(ACCEPTED, &[&[0]]), frame(WELCOME, &[&[1, 1, 1]])].concat(),
                E::Malformed { kind: WELCOME },
            ),
            (
                "another version",
                welcomed(Welcome { version: 0, ..Welcome::default() }),
                E::VersionMismatch,
            ),
            (
                "versions that were changed",
                welcomed(Welcome { plugin_versions: (0, 1), ..Welcome::default() }),
                E::VersionMismatch,
            ),
        ]
        .map(|(what, bytes, error)| (what, [&PREFACE[..], &bytes].concat(), error)),
    )
    .map(|(what, bytes, error)| (what, bytes, DisconnectReason::Protocol(error)))
    .collect();
    scenario(async move {
        let hub = RawHub::new().await;
        let good = Good::new(Socket::builder()).await;
        for (what, bytes, reason) in cases {
            let (_, running) = dial(&hub, Limits::default());
            let mut raw = hub.greeted().await;
            raw.send(&bytes).await;
            match within(what, running).await.unwrap() {
                Err(ConnectError::Lost(found)) => assert_eq!(found, reason, "{what}"),
                other => panic!("{what}: {other:?}"),
            }
            raw.rest().await;
        }
        // A hub that sends nothing, and one that disconnects.
        let mut hasty = Limits::default();
        hasty.hello_deadline = Duration::from_millis(50);
        let (_, running) = dial(&hub, hasty);
        let silent = hub.greeted().await;
        let lost = within("a silent hub", running).await.unwrap();
        assert!(matches!(lost, Err(ConnectError::TimedOut)), "{lost:?}");
        drop(silent);
        let (_, running) = dial(&hub, Limits::default());
        drop(hub.greeted().await);
        let lost = within("a hub that goes", running).await.unwrap();
        assert!(matches!(lost, Err(ConnectError::Lost(DisconnectReason::Unclean))), "{lost:?}");
        good.finish().await;
    });
}

#[test]
fn a_hub_that_turns_hostile_is_left_with_its_reason() {
    use ProtocolError as E;
    let with_trace = |trace: &str| frame(CALL, &[&[1, 0, 0], &string(trace), &[0], b"1"]);
    let with_metadata = |count: u64, value: &str| {
        let pair = [string("k"), string(value)].concat();
        let pairs = pair.repeat(usize::try_from(count).unwrap());
        frame(CALL, &[&[1, 0, 0, 0], &varint(count), &pairs, b"1"])
    };
    let unexpected =
        |what, kind, body: &[u8]| (what, frame(kind, &[body]), E::UnexpectedFrame { kind });
    let drain = frame(DRAIN, &[&[1, 0, 0]]);
    let too_many: Vec<u8> = (1..=9).flat_map(|id| call(id, WAIT, "1")).collect();
    let cases: Vec<(&str, Vec<u8>, ProtocolError)> = vec![
        ("the id 0", call(0, SCRAMBLE, "1"), E::CallIdOrder),
        ("an id again", call(5, RECORDED, "5").repeat(2), E::CallIdOrder),
        (
            "an id that falls",
            [call(5, RECORDED, "5"), call(4, RECORDED, "4")].concat(),
            E::CallIdOrder,
        ),
        ("no such method", call(1, 1_000, "1"), E::UnknownMethod),
        ("the last method of all", call(1, u64::from(u32::MAX), "1"), E::UnknownMethod),
        ("a call too many", too_many, E::TooManyCalls),
        ("a long trace", with_trace(&"t".repeat(257)), E::Malformed { kind: CALL }),
        ("many pairs", with_metadata(65, ""), E::Malformed { kind: CALL }),
        ("long pairs", with_metadata(8, &"v".repeat(1_024)), E::Malformed { kind: CALL }),
        (
            "pairs without end",
            frame(CALL, &[&[1, 0, 0, 0], &varint(u64::from(u32::MAX))]),
            E::Malformed { kind: CALL },
        ),
        ("a cancel of no call", frame(CANCEL, &[&[1]]), E::UnknownCancel),
        ("a cancel of the call 0", frame(CANCEL, &[&[0]]), E::UnknownCancel),
        ("endless credit", frame(CREDIT, &[&varint(u64::from(u32::MAX)), &[0]]), E::CreditOverflow),
        ("endless bytes of credit", frame(CREDIT, &[&[0], &varint(u64::MAX)]), E::CreditOverflow),
        ("a drain for no reason", frame(DRAIN, &[&[3, 0, 0]]), E::Malformed { kind: DRAIN }),
        (
            "two drains",
            // A call keeps it from going after the first.
            [call(1, WAIT, "1"), drain.repeat(2)].concat(),
            E::UnexpectedFrame { kind: DRAIN },
        ),
        (
            "a call after the drain",
            [call(1, WAIT, "1"), drain, call(2, SCRAMBLE, "1")].concat(),
            E::UnexpectedFrame { kind: CALL },
        ),
        unexpected("a reply", REPLY, &[1]),
        unexpected("a failure", FAILED, &[1, 1, 0, 0]),
        unexpected("an event", EVENT, b"1"),
        unexpected("a leave", LEAVE, &[0]),
        unexpected("a hello", HELLO, &[]),
        unexpected("a welcome", WELCOME, &[]),
        ("an unknown kind", frame(0x7F, &[]), E::UnknownKind { kind: 0x7F }),
        ("skipped frames without end", frame(0x80, &[]).repeat(17), E::TooManyStrikes),
        ("an empty frame", vec![0; 4], E::EmptyFrame),
        (
            "the longest length",
            vec![0xFF; 4],
            E::FrameTooLarge { size: u32::MAX as usize, limit: 1 << 20 },
        ),
        ("a long number", frame(CANCEL, &[&[0x81, 0]]), E::Overlong { kind: CANCEL }),
        ("half a call", frame(CALL, &[&[1, 0]]), E::Malformed { kind: CALL }),
    ];
    scenario(async move {
        let hub = RawHub::new().await;
        let good = Good::new(Socket::builder()).await;
        println!("{} kinds of breaches", cases.len());
        for (what, bytes, error) in cases {
            let (desk, running) = dial(&hub, Limits::default());
            let welcome = Welcome { max_calls: 8, ..Welcome::default() };
            let mut raw = hub.admitted(&welcome).await;
            raw.send(&bytes).await;
            assert_eq!(raw.goodbye().await, Some(BREACH), "{what}");
            raw.end().await;
            let end = within(what, running).await.unwrap().unwrap();
            assert_eq!(end, EndReason::Lost(DisconnectReason::Protocol(error)), "{what}");
            assert!(desk.started.lock().unwrap().values().all(|&times| times == 1), "{what}");
            assert_eq!(desk.waiting(), 0, "{what}: no handler outlives the run");
            good.answers().await;
        }
        good.finish().await;
    });
}

/// A hub that calls and doesn't read: the answers that wait are bounded by the calls at once, and
/// the plugin goes when nothing moves any more.
#[test]
fn a_hub_that_never_reads_is_left() {
    let mut limits = Limits::default();
    limits.stall_window = Limits::SHORTEST_STALL_WINDOW;
    scenario(async move {
        let hub = RawHub::new().await;
        let good = Good::new(Socket::builder()).await;
        let (_, running) = dial(&hub, limits);
        let mut raw = hub.admitted(&Welcome::default()).await;
        for id in 1..=1_000 {
            raw.send(&call(id, TEXT, "20000")).await;
        }
        let end = within("the run", running).await.unwrap().unwrap();
        assert_eq!(end, EndReason::Lost(DisconnectReason::SlowConsumer));
        drop(raw);
        good.finish().await;
    });
}

/// A plugin that did nothing for a while because of a handler that broke its promise to be short has
/// nobody to blame for it: what came meanwhile is still to be read.
#[test]
fn a_plugin_that_was_busy_itself_does_not_call_its_hub_slow() {
    let mut limits = Limits::default();
    limits.stall_window = Limits::SHORTEST_STALL_WINDOW;
    scenario(async move {
        let hub = RawHub::new().await;
        let (_, running) = dial(&hub, limits);
        let mut raw = hub.admitted(&Welcome::default()).await;
        for id in (1..20).step_by(2) {
            // The second call's beginning comes with the first call, and its end while that runs.
            let second = call(id + 1, SCRAMBLE, "0");
            raw.send(&[&call(id, NAP, "150")[..], &second[..7]].concat()).await;
            crate::raw::pause().await;
            raw.send(&second[7..]).await;
            assert_eq!(raw.expect(REPLY).await.number(), id);
            assert_eq!(raw.expect(REPLY).await.number(), id + 1);
        }
        raw.send(&frame(GOODBYE, &[&[2, 0]])).await;
        assert!(within("the run", running).await.unwrap().unwrap().is_graceful());
    });
}

/// Payloads that are meant to do harm fail their call; the plugin goes on.
#[test]
fn a_bomb_in_a_call_fails_that_call() {
    scenario(async {
        let hub = RawHub::new().await;
        let (_, running) = dial(&hub, Limits::default());
        let mut raw = hub.admitted(&Welcome::default()).await;
        let fill = |unit: &str| unit.repeat(1_000_000 / unit.len());
        let bombs =
            [fill("["), fill("{\"\":"), format!("[{}0]", fill("0,")), fill("x"), "1e400".into()];
        for (id, bomb) in (1..).zip(&bombs) {
            raw.send(&call(id, SCRAMBLE, bomb)).await;
            let answer = raw.expect(FAILED).await;
            // Status 5: the input doesn't decode.
            assert_eq!((answer.number(), answer.body[1]), (id, 5));
        }
        raw.send(&call(100, SCRAMBLE, "0")).await;
        assert_eq!(raw.expect(REPLY).await.body, b"d0");
        raw.send(&frame(GOODBYE, &[&[2, 0]])).await;
        assert!(within("the run", running).await.unwrap().unwrap().is_graceful());
    });
}

/// A good conversation with bytes changed, lost, repeated and made up.
#[test]
fn noise_from_a_hub_ends_the_run_and_nothing_else() {
    let count = scaled(500);
    scenario(async move {
        let hub = RawHub::new().await;
        let good = Good::new(Socket::builder()).await;
        let mut random = Random::new(2);
        for n in 0..count {
            let (desk, running) = dial(&hub, Limits::default());
            let mut raw = hub.greeted().await;
            raw.send(&noise(&mut random)).await;
            raw.end().await;
            raw.rest().await;
            within("the run", running).await.unwrap().ok();
            assert_eq!(desk.waiting(), 0, "no handler is left");
            if n % 50 == 0 {
                good.answers().await;
            }
        }
        println!("{count} noisy hubs");
        good.finish().await;
    });
}

fn noise(random: &mut Random) -> Vec<u8> {
    let accepted = frame(ACCEPTED, &[&[u8::from(random.below(2) == 0)]]);
    let beginning = [&PREFACE[..], &accepted, &Welcome::default().encode()].concat();
    let calls = [
        call(1, RECORDED, "1"),
        call(2, WAIT, "2"),
        call(3, RECORDED, "3"),
        frame(CANCEL, &[&[2]]),
        frame(CREDIT, &[&[1, 1]]),
        frame(DRAIN, &[&[1, 0, 0]]),
    ]
    .concat();
    let mut bytes = [&beginning[..], &calls].concat();
    // Half of it goes wrong in the handshake, half later.
    let start = if random.below(2) == 0 { 0 } else { beginning.len() };
    let range = start..bytes.len();
    random.damage(&mut bytes, range);
    bytes
}
