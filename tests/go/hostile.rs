//! What no Go program says, said to a hub with a good Go plugin on it, which must go on answering.

use brpc::{DisconnectReason, Limits, ProtocolError, Socket};
use brpc_gob::EnvelopeRef;

use crate::gob::{
    BYTES, INT, STRING, UINT, fields, int, list, map_of, message, slice_of, struct_of, text, uint,
    value,
};
use crate::good::Good;
use crate::peer::{Peer, first_message, introduction};
use crate::scenario::{GUARD, eventually, growth, note};

const MIB: usize = 1 << 20;

/// What is kept of a peer besides the bytes that it sent: both ends of a connection, and their
/// buffers.
const SMALL: usize = 64 << 10;

// The types of an introduction, and one for more.
const INFO: i64 = 65;
const FUNCTIONS: i64 = 66;
const FUNCTION: i64 = 67;
const ENTITY: i64 = 68;
const ENTITIES: i64 = 69;
const EXTRA: i64 = 80;

fn types() -> Vec<u8> {
    [
        struct_of(INFO, &[("Name", STRING), ("Functions", FUNCTIONS), ("Extra", EXTRA)]),
        map_of(FUNCTIONS, STRING, FUNCTION),
        struct_of(FUNCTION, &[("Name", STRING), ("Input", ENTITY)]),
        struct_of(ENTITY, &[("Name", STRING), ("Fields", ENTITIES)]),
        slice_of(ENTITIES, ENTITY),
    ]
    .concat()
}

/// An introduction with this in its extra field, whose types these are.
fn extra(of: &[Vec<u8>], in_field: Vec<u8>) -> Vec<u8> {
    [types(), of.concat(), value(INFO, fields(&[(0, text("evil")), (2, in_field)]))].concat()
}

/// An introduction with one function, which takes this.
fn taking(entity: Vec<u8>) -> Vec<u8> {
    let functions = list(1, &[text("F"), fields(&[(1, entity)])]);
    [types(), value(INFO, fields(&[(0, text("evil")), (1, functions)]))].concat()
}

/// Introductions, and what the hub says to them.
fn introductions() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let nested =
        |depth: usize| (1..depth).fold(vec![0], |inner, _| fields(&[(1, list(1, &[inner]))]));
    let name_of = |id, name| [struct_of(INFO, &[("Name", id)]), value(INFO, fields(&[(0, name)]))];
    let loose = |of: &[(&str, i64)], in_it| {
        [struct_of(INFO, of), slice_of(FUNCTIONS, INT), value(INFO, fields(&[(0, in_it)]))].concat()
    };
    let deep = || vec![1; 200];
    let functions: Vec<_> = (0..1_025).flat_map(|n| [text(format!("f{n}")), vec![0]]).collect();
    vec![
        ("2^63-1 bytes", [uint((1 << 63) - 1), int(-INFO)].concat(), "the limit is 1048576"),
        ("2^63-1 bytes behind types", [types(), uint((1 << 63) - 1)].concat(), "the limit is"),
        ("1 GiB", [uint(1 << 30), int(-INFO)].concat(), "the limit is 1048576"),
        (
            "a name of 300 MiB in a short message",
            [struct_of(INFO, &[("Name", STRING)]), message(&[int(INFO), uint(1), uint(300 << 20)])]
                .concat(),
            "ends within a value",
        ),
        ("a struct of itself", extra(&[struct_of(EXTRA, &[("X", EXTRA)])], deep()), "nests"),
        ("a slice of itself", extra(&[slice_of(EXTRA, EXTRA)], deep()), "nests"),
        ("a map of itself", extra(&[map_of(EXTRA, EXTRA, EXTRA)], deep()), "nests"),
        (
            "a ring of types",
            extra(&[slice_of(EXTRA, EXTRA + 1), slice_of(EXTRA + 1, EXTRA)], deep()),
            "nests",
        ),
        ("an entity 10,000 levels deep", taking(nested(10_000)), "nests"),
        (
            "more types than there may be",
            [types(), (100..200).flat_map(|id| slice_of(id, INT)).collect()].concat(),
            "types",
        ),
        ("a type twice", [types(), slice_of(ENTITIES, ENTITY)].concat(), "is defined or reserved"),
        (
            "2^60 elements",
            extra(&[slice_of(EXTRA, EXTRA + 1), struct_of(EXTRA + 1, &[])], uint(1 << 60)),
            "ends within a value",
        ),
        (
            "1,025 functions",
            [types(), value(INFO, fields(&[(1, list(1_025, &functions))]))].concat(),
            "functions",
        ),
        ("a number for a name", name_of(INT, int(1)).concat(), "field `Name`"),
        ("bytes for a name", name_of(BYTES, text("a")).concat(), "field `Name`"),
        (
            "a list for functions",
            loose(&[("Functions", FUNCTIONS)], list(0, &[])),
            "field `Functions`",
        ),
        ("a number for a version", loose(&[("Version", UINT)], uint(7)), "field `Version`"),
        ("a value of an unknown type", [types(), value(999, fields(&[]))].concat(), "type 999"),
        ("a field of an unknown type", extra(&[], uint(1)), "type 80"),
        (
            "a message in place of an introduction",
            first_message(EnvelopeRef { seq: 1, ..EnvelopeRef::default() }),
            "PluginInfo",
        ),
        ("no name", introduction("", "M"), "a name is"),
        ("a name with a line's end", introduction("a\nb", "M"), "a name is"),
    ]
}

pub async fn introductions_that_are_refused() {
    let good = Good::new(Socket::builder()).await;
    let mut most = (0, "");
    for (what, bytes, reason) in introductions() {
        let grown = growth(async {
            let mut peer = Peer::connect(good.address).await;
            peer.send(&bytes).await;
            let said = peer.ends().await.unwrap_or_else(|| panic!("{what}: no reason"));
            assert!(said.contains(reason), "{what}: {said}");
        });
        let grown = grown.await;
        // What was sent, in a buffer that grows by doubling, and what is made of it.
        assert!(grown < 3 * bytes.len() + SMALL, "{what}: {grown} bytes");
        most = most.max((grown, what));
        assert_eq!(good.hub.connected().len(), 1, "{what}");
        good.answers().await;
    }
    note(&format!("refused introductions take at most {most:?} bytes"));
    assert_eq!(good.hub.strangers().total(), 0);
    good.finish().await;
}

/// They are announced and not sent: the time for introductions ends that. A length alone, of
/// whatever size, doesn't yet tell what it is that comes.
pub async fn introductions_that_never_end() {
    const PEERS: usize = 50;
    let good = Good::new(Socket::builder()).await;
    let starts = [
        uint((1 << 63) - 1),
        uint(1 << 30),
        [uint(900_000), int(-INFO)].concat(),
        [types(), uint(900_000), vec![1; 5]].concat(),
        types(),
    ];
    let mut peers = Vec::new();
    let grown = growth(async {
        for n in 0..PEERS {
            let mut peer = Peer::connect(good.address).await;
            assert!(peer.send(&starts[n % starts.len()]).await);
            peers.push(peer);
        }
        good.answers().await;
        for peer in &mut peers {
            peer.is_closed().await;
        }
    });
    let grown = grown.await;
    note(&format!("{PEERS} introductions that are announced and not sent take {grown} bytes"));
    assert!(grown < PEERS * (32 << 10), "{grown} bytes");
    good.answers().await;
    good.finish().await;
}

/// A message to a hub that has let the plugin in, how the connection ends, and what it is told.
type Breach = (&'static str, Vec<u8>, fn(ProtocolError) -> bool, &'static str);

/// The types that this message is of are defined from 80 on.
fn breaches() -> Vec<Breach> {
    let is_foreign = |error| matches!(error, ProtocolError::Foreign { .. });
    let is_too_large =
        |error| matches!(error, ProtocolError::FrameTooLarge { limit: MIB, size } if size > MIB);
    let of = |name, id, wrong: Vec<u8>| {
        [struct_of(EXTRA, &[(name, id)]), value(EXTRA, fields(&[(0, wrong)]))].concat()
    };
    let extra = |of: Vec<u8>, in_it| {
        let envelope = struct_of(EXTRA, &[("Seq", UINT), ("Extra", EXTRA + 1)]);
        [envelope, of, value(EXTRA, fields(&[(0, uint(1)), (1, in_it)]))].concat()
    };
    vec![
        ("2^63-1 bytes", uint((1 << 63) - 1), is_too_large, "the limit is 1048576"),
        ("1 GiB", uint(1 << 30), is_too_large, "the limit is 1048576"),
        ("a byte too much", uint(MIB as u64 + 1), is_too_large, "1048577 bytes"),
        (
            "a payload beyond its message",
            [
                struct_of(EXTRA, &[("Payload", BYTES)]),
                message(&[int(EXTRA), uint(1), uint(300 << 20)]),
            ]
            .concat(),
            is_foreign,
            "ends within a value",
        ),
        (
            "a slice of itself",
            extra(slice_of(EXTRA + 1, EXTRA + 1), vec![1; 200]),
            is_foreign,
            "nests too deep",
        ),
        (
            "a struct of itself",
            extra(struct_of(EXTRA + 1, &[("X", EXTRA + 1)]), vec![1; 200]),
            is_foreign,
            "nests too deep",
        ),
        (
            "more types than there may be",
            (80..200).flat_map(|id| slice_of(id, INT)).collect(),
            is_foreign,
            "too many gob types",
        ),
        ("an int for a number", of("Seq", INT, int(1)), is_foreign, "another type"),
        ("a text for a payload", of("Payload", STRING, text("{}")), is_foreign, "another type"),
        ("bytes for an error", of("Error", BYTES, text("e")), is_foreign, "another type"),
        ("a value of an unknown type", value(999, fields(&[])), is_foreign, "not defined"),
        (
            "another introduction",
            value(INFO, fields(&[(0, text("evil"))])),
            is_foreign,
            "another kind",
        ),
        ("a type twice", struct_of(INFO, &[("Name", STRING)]), is_foreign, "defined or reserved"),
        ("no gob at all", vec![0x7f; 200], is_foreign, ""),
        (
            "an answer to no call",
            first_message(EnvelopeRef {
                seq: 5,
                method: "M",
                payload: b"1",
                ..EnvelopeRef::default()
            }),
            |error| error == ProtocolError::UnknownCall,
            "never sent",
        ),
    ]
}

pub async fn messages_that_end_the_connection() {
    let good = Good::new(Socket::builder()).await;
    let mut most = (0, "");
    for (what, bytes, is_it, reason) in breaches() {
        let mut peer = Peer::connect(good.address).await;
        assert!(peer.send(&introduction("evil", "M")).await);
        good.hub.wait_for("evil", GUARD).await.unwrap();
        let plugin = good.hub.connected().into_iter().find(|plugin| plugin.name() == "evil");
        let plugin = plugin.unwrap();
        let grown = growth(async {
            peer.send(&bytes).await;
            let said = peer.ends().await.unwrap_or_else(|| panic!("{what}: no reason"));
            assert!(said.contains(reason), "{what}: {said}");
        });
        let grown = grown.await;
        most = most.max((grown, what));
        assert!(grown < 3 * bytes.len() + SMALL, "{what}: {grown} bytes");
        eventually("it is gone", || plugin.has_ended()).await;
        let end = plugin.end().unwrap();
        let DisconnectReason::Protocol(error) = end else { panic!("{what}: {end:?}") };
        assert!(is_it(error), "{what}: {error:?}");
        good.is_alone().await;
        good.answers().await;
    }
    note(&format!("messages that end the connection take at most {most:?} bytes"));
    good.finish().await;
}

/// It holds as much as has come, up to a frame.
pub async fn a_message_that_never_ends() {
    const PEERS: usize = 8;
    let mut limits = Limits::default();
    limits.stall_window = Limits::SHORTEST_STALL_WINDOW;
    let good = Good::new(Socket::builder().limits(limits)).await;
    let nearly = [uint(MIB as u64), vec![1; MIB - 1]].concat();
    let (mut peers, mut plugins) = (Vec::new(), Vec::new());
    let grown = growth(async {
        for n in 0..PEERS {
            let mut peer = Peer::connect(good.address).await;
            let name = format!("evil-{n}");
            assert!(peer.send(&introduction(&name, "M")).await);
            good.hub.wait_for(&name, GUARD).await.unwrap();
            plugins.extend(good.hub.connected().into_iter().find(|plugin| plugin.name() == name));
            peer.send(&nearly).await;
            peers.push(peer);
        }
        good.answers().await;
        for peer in &mut peers {
            peer.ends().await;
        }
    });
    let grown = grown.await;
    note(&format!("{PEERS} messages of 1 MiB that never end take {grown} bytes"));
    assert!(grown < PEERS * 5 * MIB / 2, "{grown} bytes");
    good.is_alone().await;
    for plugin in plugins {
        assert_eq!(plugin.end(), Some(DisconnectReason::SlowSender));
    }
    good.finish().await;
}

/// Announced, and sent for as long as anybody takes it.
pub async fn a_name_of_300_mib_takes_no_memory() {
    let good = Good::new(Socket::builder()).await;
    let size = 300 << 20;
    let parts = [int(INFO), uint(1), uint(size)].concat();
    let announced =
        [struct_of(INFO, &[("Name", STRING)]), uint(size + parts.len() as u64), parts].concat();
    let chunk = vec![b'x'; 64 << 10];
    let mut sent = 0;
    let grown = growth(async {
        let mut peer = Peer::connect(good.address).await;
        assert!(peer.send(&announced).await);
        while sent < size && peer.send(&chunk).await {
            sent += chunk.len() as u64;
        }
        peer.ends().await;
    });
    let grown = grown.await;
    note(&format!("{sent} bytes of a name of 300 MiB were sent, and take {grown}"));
    assert!(sent < size);
    assert!(grown < SMALL, "{grown} bytes");
    good.answers().await;
    good.finish().await;
}
