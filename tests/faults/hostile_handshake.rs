//! Bytes that no plugin sends, up to the end of the handshake.

use brpc::Socket;

use crate::good::Good;
use crate::random::Random;
use crate::raw::{
    ACCEPTED, CALL, DESCRIBE, EVENT, GOODBYE, HELLO, Hello, PREFACE, REFUSED, Raw, WELCOME,
    description, description_with_schema, frame, reply, string, varint,
};
use crate::scenario::{eventually, scaled, scenario, within};

/// How the hub answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    /// Nothing: the peer doesn't speak brpc, or is gone.
    Silence,
    /// A few words of its own, and the end.
    Words,
    /// A refusal with this code.
    Refused(u64),
}
use Verdict::{Refused, Silence, Words};

const VERSION: Verdict = Refused(1);
const BAD_NAME: Verdict = Refused(2);
const BAD_VERSION: Verdict = Refused(3);
const TOO_MANY_METHODS: Verdict = Refused(4);
const BAD_DESCRIPTION: Verdict = Refused(5);
const NAME_TAKEN: Verdict = Refused(6);
const PROTOCOL: Verdict = Refused(10);

/// A peer that sends this and nothing else.
struct Case {
    what: String,
    bytes: Vec<u8>,
    /// Whether it ends its direction then.
    ends: bool,
    verdict: Verdict,
}

fn case(what: impl Into<String>, parts: &[&[u8]], verdict: Verdict) -> Case {
    Case { what: what.into(), bytes: parts.concat(), ends: false, verdict }
}

/// The same, and then the end of the stream.
fn ended(what: impl Into<String>, parts: &[&[u8]]) -> Case {
    Case { ends: true, ..case(what, parts, Silence) }
}

/// A length that announces more than follows.
fn announced(length: u32) -> [u8; 4] {
    length.to_be_bytes()
}

fn strangers() -> Vec<Case> {
    let mut cases = vec![
        case("HTTP", &[b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"], Words),
        case("HTTP/2", &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], Words),
        case("TLS", &[&[0x16, 3, 1, 2, 0, 1]], Words),
        case("SSH", &[b"SSH-2.0-x\r\n"], Words),
        case("JSON", &[b"{\"type\":1}"], Words),
        case("RDP", &[&[3, 0, 0, 0x13, 0x0E]], Silence),
        case("another version of the magic", &[&PREFACE[..5], b"\r\n\x01\x00"], Silence),
        ended("nothing", &[]),
    ];
    cases.extend((1..8).map(|n| ended(format!("{n} bytes of the preface"), &[&PREFACE[..n]])));
    cases
}

fn greetings() -> Vec<Case> {
    let after = |what: &str, parts: &[&[u8]], verdict| {
        case(what, &[&PREFACE[..], &parts.concat()], verdict)
    };
    let hello = Hello::new("guest");
    let encoded = hello.encode();
    let said = |what: &str, hello: Hello, verdict| after(what, &[&hello.encode()], verdict);
    let named = |name: &[u8]| {
        said(&format!("the name {:?}", name.escape_ascii().to_string()), Hello::new(name), BAD_NAME)
    };
    let mut cases = vec![
        after("an empty frame", &[&announced(0)], PROTOCOL),
        after("the longest length", &[&announced(u32::MAX)], PROTOCOL),
        after("a length just above the limit", &[&announced(4097), &[HELLO]], PROTOCOL),
        after("a call", &[&frame(CALL, &[&[1, 0, 0, 0, 0]])], PROTOCOL),
        after("a reply", &[&reply(1, "1")], PROTOCOL),
        after("a goodbye", &[&frame(GOODBYE, &[&[1, 0]])], PROTOCOL),
        after("a description", &[&frame(DESCRIBE, &[&hello.description])], PROTOCOL),
        after("a frame to be skipped", &[&frame(0x80, &[b"x"])], PROTOCOL),
        after("an unknown frame", &[&frame(0x7F, &[b"x"])], PROTOCOL),
        after("an empty hello", &[&frame(HELLO, &[])], PROTOCOL),
        after("half a hello", &[&frame(HELLO, &[&encoded[5..40]])], PROTOCOL),
        after("a hello and more", &[&frame(HELLO, &[&encoded[5..], &[0]])], PROTOCOL),
        after("a long number", &[&frame(HELLO, &[&[1, 1, 0x80, 0], &encoded[8..]])], PROTOCOL),
        after("a huge number", &[&frame(HELLO, &[&[1, 1], &[0xFF; 11]])], PROTOCOL),
        after(
            "more extensions than bytes",
            &[&frame(HELLO, &[&encoded[5..encoded.len() - 1], &varint(u64::from(u32::MAX))])],
            PROTOCOL,
        ),
        after("hello twice", &[&encoded, &encoded], PROTOCOL),
        after("a reply before the welcome", &[&encoded, &reply(1, "1")], PROTOCOL),
        after("an event before the welcome", &[&encoded, &frame(EVENT, &[b"1"])], PROTOCOL),
        after(
            "a version to come",
            &[&Hello { versions: (2, 9), ..hello.clone() }.encode()],
            VERSION,
        ),
        after(
            "a version of old",
            &[&Hello { versions: (0, 0), ..hello.clone() }.encode()],
            VERSION,
        ),
        said("a small frame", Hello { max_frame: 100, ..hello.clone() }, PROTOCOL),
        said("a long version", Hello { version: vec![b'1'; 65], ..hello.clone() }, BAD_VERSION),
        said(
            "a version with an escape",
            Hello { version: b"\x1b[31m".into(), ..hello.clone() },
            BAD_VERSION,
        ),
        said("a name that is no text", Hello::new(b"\xED\xA0\x80"), PROTOCOL),
        said("a name that is taken", Hello::new("good"), NAME_TAKEN),
    ];
    // The hub asks for its description before it looks up its name.
    if let Some(taken) = cases.last_mut() {
        taken.bytes.extend(frame(DESCRIBE, &[&hello.description]));
    }
    let long = [b'n'; 129];
    for name in [
        &b""[..],
        b".",
        b".hidden",
        b"../x",
        b"a b",
        b"a/b",
        b"*",
        b"a\0",
        b"a\n",
        b"\x1b[2J",
        "g\u{43E}\u{43E}d".as_bytes(),
        "\u{202E}doog".as_bytes(),
        &long,
    ] {
        cases.push(named(name));
    }
    cases.extend(
        (0..encoded.len())
            .step_by(7)
            .map(|n| ended(format!("{n} bytes of hello"), &[&PREFACE, &encoded[..n]])),
    );
    cases
}

fn descriptions() -> Vec<Case> {
    let described = |what: &str, description: Vec<u8>, verdict| {
        let hello = Hello { description, ..Hello::new("guest") };
        let describe = frame(DESCRIBE, &[&hello.description]);
        case(what, &[&PREFACE, &hello.encode(), &describe], verdict)
    };
    let hello = Hello::new("guest").encode();
    let schema = |what: &str, schema: &str| {
        described(what, description_with_schema(schema), BAD_DESCRIPTION)
    };
    let names = |count: usize| (0..count).map(|n| format!("m{n}")).collect::<Vec<_>>();
    let deep = |depth: usize| format!("{}true{}", "{\"not\":".repeat(depth), "}".repeat(depth));
    let method = description(&["f"]);
    vec![
        case("too long", &[&PREFACE, &hello, &announced((1 << 20) + 2), &[DESCRIBE]], PROTOCOL),
        case("of others", &[&PREFACE, &hello, &frame(DESCRIBE, &[&method])], PROTOCOL),
        case("a welcome", &[&PREFACE, &hello, &frame(WELCOME, &[])], PROTOCOL),
        described("nothing", Vec::new(), BAD_DESCRIPTION),
        described("1,025 methods", description(&names(1025)), TOO_MANY_METHODS),
        described("methods without end", varint(u64::from(u32::MAX)), TOO_MANY_METHODS),
        described("methods beyond all numbers", vec![0xFF; 11], BAD_DESCRIPTION),
        described("a method twice", description(&["a", "b", "a"]), BAD_DESCRIPTION),
        described("a reserved name", description(&["brpc.x"]), BAD_DESCRIPTION),
        described("a name that is no name", description(&["a b"]), BAD_DESCRIPTION),
        described("bytes behind it", [&method[..], &[0]].concat(), BAD_DESCRIPTION),
        described("half of it", method[..2].to_vec(), BAD_DESCRIPTION),
        described(
            "a text without end",
            [&varint(1)[..], &string("f"), &varint(u64::MAX)].concat(),
            BAD_DESCRIPTION,
        ),
        schema("no schema", "5"),
        schema("no JSON", "{"),
        schema("a deep schema", &deep(33)),
        schema("a bomb of brackets", &"[".repeat(1_000_000)),
        schema("a bomb of braces", &deep(100_000)),
        schema("a bomb of values", &format!("{{\"enum\":[{}0]}}", "0,".repeat(400_000))),
        ended("half a description", &[&PREFACE, &hello, &announced(1000), &[DESCRIBE, 1, 1]]),
    ]
}

#[test]
fn h28_whoever_is_not_let_in_is_told_why_and_nobody_else_notices() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let cases: Vec<_> =
            [strangers(), greetings(), descriptions()].into_iter().flatten().collect();
        for Case { what, bytes, ends, verdict } in &cases {
            let mut peer = Raw::connect(good.address).await;
            peer.send(bytes).await;
            if *ends {
                peer.end().await;
            }
            assert_eq!(verdict_of(&mut peer).await, *verdict, "{what}");
            good.answers().await;
        }
        assert_eq!(good.hub.connected().len(), 1);
        println!("{} kinds of strangers", cases.len());
        good.finish().await;
    });
}

/// What the hub sends, up to the end of the stream.
async fn verdict_of(peer: &mut Raw) -> Verdict {
    // The shortest of the words is an alert of seven bytes.
    let mut preface = [0; 8];
    let mut read = 0;
    while read < preface.len() {
        let reading = tokio::io::AsyncReadExt::read(&mut peer.stream, &mut preface[read..]);
        match within("a verdict", reading).await {
            Ok(0) | Err(_) => return if read == 0 { Silence } else { Words },
            Ok(count) => read += count,
        }
    }
    if preface != PREFACE {
        peer.rest().await;
        return Words;
    }
    let mut verdict = Silence;
    while let Some(frame) = peer.next().await {
        match frame.kind {
            ACCEPTED => assert_eq!(verdict, Silence),
            REFUSED => verdict = Refused(frame.number()),
            kind => panic!("a frame of kind {kind:#x}"),
        }
    }
    verdict
}

/// What a plugin sends up to its first answer, with bytes changed, lost, repeated and made up.
#[test]
fn f16_f26_noise_at_every_stage_ends_the_connection_that_it_is_on() {
    let count = scaled(2_000);
    scenario(async move {
        let good = Good::new(Socket::builder()).await;
        let mut random = Random::new(1);
        for n in 0..count {
            let mut peer = Raw::connect(good.address).await;
            peer.send(&noise(&mut random)).await;
            // A connection that is not in the way of anything is not closed by the hub.
            peer.end().await;
            peer.rest().await;
            if n % 100 == 0 {
                good.answers().await;
            }
        }
        eventually("they are all gone", || good.hub.connected().len() == 1).await;
        println!("{count} noisy connections");
        good.finish().await;
    });
}

/// A good beginning, and then something else.
fn noise(random: &mut Random) -> Vec<u8> {
    let name = format!("guest{}", random.below(3));
    let hello = Hello::new(name);
    let describe = frame(DESCRIBE, &[&hello.description]);
    let answers = [reply(1, "1"), frame(EVENT, &[b"\"e\""]), frame(0x1B, &[&[0]])].concat();
    let mut bytes = [&PREFACE[..], &hello.encode(), &describe, &answers].concat();
    // Where it goes wrong: every stage is as likely as the others.
    let stages = [0, 8, 8 + hello.encode().len(), bytes.len() - answers.len(), bytes.len()];
    let stage = random.below(4);
    random.damage(&mut bytes, stages[stage]..stages[stage + 1]);
    bytes
}
