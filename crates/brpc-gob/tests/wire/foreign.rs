//! Programs that number, order and extend their types in other ways than the original.

use brpc_gob::{Envelope, Function, PluginInfo, Reader};
use bytes::BytesMut;
use serde_json::json;

use crate::raw::{
    BOOL, BYTES, COMPLEX, FLOAT, INT, INTERFACE, STRING, UINT, array_of, fields, int, list, map_of,
    message, opaque, slice_of, struct_of, text, uint, value,
};
use crate::talk::{entity, listen};

const INFO: i64 = 7_000;
const FUNCTIONS: i64 = 64;
const FUNCTION: i64 = 2_000_000_000;
const ENTITY: i64 = 70;
const ENTITIES: i64 = 69;
const ENVELOPE: i64 = 65;

const LISTS: i64 = 100;
const LIST: i64 = 101;
const PAIR: i64 = 102;
const MAPS: i64 = 103;
const MAP: i64 = 104;
const ARRAY: i64 = 105;
const NODE: i64 = 106;
const NODES: i64 = 107;
const OPAQUES: i64 = 108;
const INTERFACES: i64 = 111;

/// Fields that nobody knows, of every type there is.
const EXTRAS: [(&str, i64); 17] = [
    ("A", BOOL),
    ("B", INT),
    ("C", UINT),
    ("D", FLOAT),
    ("E", BYTES),
    ("F", STRING),
    ("G", COMPLEX),
    ("H", INTERFACE),
    ("I", LISTS),
    ("J", MAPS),
    ("K", ARRAY),
    ("L", NODE),
    ("M", OPAQUES),
    ("N", OPAQUES + 1),
    ("O", OPAQUES + 2),
    ("P", INTERFACES),
    ("", PAIR),
];

fn extra_types() -> Vec<Vec<u8>> {
    vec![
        slice_of(LISTS, LIST),
        map_of(MAPS, INT, MAP),
        struct_of(NODE, &[("Left", NODE), ("Right", NODES), ("Name", STRING)]),
        slice_of(NODES, NODE),
        slice_of(LIST, PAIR),
        map_of(MAP, STRING, PAIR),
        array_of(ARRAY, LIST, 2),
        struct_of(PAIR, &[("X", FLOAT), ("Payload", BYTES)]),
        opaque(OPAQUES, 4),
        opaque(OPAQUES + 1, 5),
        opaque(OPAQUES + 2, 6),
        slice_of(INTERFACES, INTERFACE),
    ]
}

/// Values of the extra fields, which are numbered from this one on.
fn extras(first: u64) -> Vec<(u64, Vec<u8>)> {
    let pair = fields(&[(0, uint(0xF03F)), (1, text("bytes"))]);
    let pairs = list(2, &[pair.clone(), fields(&[])]);
    let leaf = fields(&[(2, text("leaf"))]);
    let branch = fields(&[(0, leaf.clone()), (1, list(2, &[leaf.clone(), leaf]))]);
    let number = [text("int"), int(INT), text([0, 84])].concat();
    let values = [
        uint(1),
        int(-7),
        uint(1 << 60),
        uint(0xF03F),
        text([0xFF, 0, 0xFE]),
        text([0xC3, 0xA4]),
        [uint(1), uint(0xFFFF_FFFF)].concat(),
        number.clone(),
        list(3, &[pairs.clone(), list(0, &[]), pairs.clone()]),
        list(1, &[int(-1), list(2, &[text("k"), pair.clone(), text(""), pair.clone()])]),
        list(2, &[pairs.clone(), pairs]),
        fields(&[(0, branch.clone()), (1, list(1, &[branch]))]),
        text("gob"),
        text("binary"),
        text(""),
        // One of them is nil.
        list(3, &[number.clone(), text(""), number]),
        pair,
    ];
    (first..).zip(values).collect()
}

fn with_extras(known: &[(&'static str, i64)]) -> Vec<(&'static str, i64)> {
    [known, &EXTRAS].concat()
}

fn known_types() -> Vec<Vec<u8>> {
    vec![
        struct_of(INFO, &with_extras(&[("Functions", FUNCTIONS), ("Name", STRING)])),
        map_of(FUNCTIONS, STRING, FUNCTION),
        struct_of(
            FUNCTION,
            &with_extras(&[("Output", ENTITY), ("Name", STRING), ("Input", ENTITY)]),
        ),
        struct_of(
            ENTITY,
            &with_extras(&[
                ("Fields", ENTITIES),
                ("Mandatory", BOOL),
                ("Type", STRING),
                ("Name", STRING),
            ]),
        ),
        slice_of(ENTITIES, ENTITY),
    ]
}

#[test]
fn an_introduction_with_extras_everywhere() {
    let with = |known: &[(u64, Vec<u8>)], first| fields(&[known, &extras(first)].concat());
    let leaf = with(&[(1, uint(1)), (2, text("int")), (3, text("n"))], 4);
    let node = with(&[(0, list(2, &[leaf.clone(), leaf])), (2, text("struct"))], 4);
    let function = with(&[(0, node.clone()), (1, text("f")), (2, node)], 3);
    let info = with(&[(0, list(1, &[text("f"), function])), (1, text("plugin"))], 2);
    let [mut types, more] = [known_types(), extra_types()];
    types.extend(more);
    let expected = entity(json!({
        "type": "struct",
        "fields": [
            {"name": "n", "type": "int", "mandatory": true},
            {"name": "n", "type": "int", "mandatory": true},
        ],
    }));
    let function = Function::new("f", Some(expected.clone()), Some(expected));
    let expected = PluginInfo::new("plugin", "", [function]);
    // Types may come in any order, as long as the first is a struct.
    for rotated in 0..types.len() - 1 {
        let mut types = types.clone();
        types[1..].rotate_left(rotated);
        let stream = [types.concat(), value(INFO, info.clone())].concat();
        let heard = listen([&stream[..]]);
        assert_eq!(heard.error, None);
        assert_eq!(heard.info.as_ref(), Some(&expected));
    }
}

#[test]
fn envelopes_with_extras_and_types_in_between() {
    let order = with_extras(&[
        ("Payload", BYTES),
        ("Error", STRING),
        ("Seq", UINT),
        ("Method", STRING),
        ("Trace", STRING),
    ]);
    let known = [(0, text("{}")), (1, text("e")), (2, uint(300)), (3, text("m")), (4, text("t"))];
    let full = value(ENVELOPE, fields(&[&known[..], &extras(5)].concat()));
    let stream = [
        struct_of(INFO, &[("Version", STRING)]),
        value(INFO, fields(&[(0, text("1"))])),
        // Not needed yet.
        extra_types().concat(),
        struct_of(ENVELOPE, &order),
        full.clone(),
        // Another type of the same kind, as of another version of the type.
        struct_of(ENVELOPE + 1, &[("Method", STRING)]),
        value(ENVELOPE + 1, fields(&[(0, text("Shutdown"))])),
        full,
    ]
    .concat();
    let heard = listen([&stream[..]]);
    assert_eq!(heard.error, None);
    assert_eq!(heard.info.unwrap().version, "1");
    let [trace, method, error] = ["t", "m", "e"].map(str::to_owned);
    let full = Envelope { seq: 300, trace, method, error, payload: "{}".into() };
    let method = "Shutdown".to_owned();
    let shutdown = Envelope { method, ..Envelope::default() };
    assert_eq!(heard.envelopes, [full.clone(), shutdown, full]);
}

/// Go sends a pointer to an empty struct, which is not the same as none.
#[test]
fn an_empty_entity_is_told_from_none() {
    let stream = [
        known_types().concat(),
        value(INFO, fields(&[(0, list(1, &[text("f"), fields(&[(2, fields(&[]))])]))])),
    ]
    .concat();
    let info = listen([&stream[..]]).info.unwrap();
    assert_eq!(info.functions["f"].input, Some(entity(json!({}))));
    assert_eq!(info.functions["f"].output, None);
    assert_eq!(info.functions["f"].name, "");
}

#[test]
fn a_type_that_no_value_has_need_not_be_complete() {
    let stream = [
        struct_of(INFO, &[("Name", STRING), ("Functions", 555), ("Other", 0)]),
        message(&[int(INFO), fields(&[(0, text("a"))])]),
    ]
    .concat();
    assert_eq!(listen([&stream[..]]).info, Some(PluginInfo::new("a", "", [])));
}

/// A string of Go holds any bytes. Its JSON writes a replacement for each that isn't UTF-8.
#[test]
fn texts_that_are_not_utf8_are_replaced() {
    for (bytes, replaced) in [
        (&b"caf\xE9"[..], "caf\u{FFFD}"),
        (b"\xE2\x82 and \xFF", "\u{FFFD}\u{FFFD} and \u{FFFD}"),
        (b"\xED\xA0\x80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
    ] {
        let names = [("Trace", STRING), ("Method", STRING), ("Error", STRING)];
        let values: Vec<_> = (0..3).map(|number| (number, text(bytes))).collect();
        let envelope = [struct_of(ENVELOPE, &names), value(ENVELOPE, fields(&values))].concat();
        let heard = Reader::new().envelope(&mut BytesMut::from(&envelope[..]), 1 << 20);
        let heard = heard.unwrap().unwrap();
        assert_eq!([&*heard.trace, &heard.method, &heard.error], [replaced; 3]);

        let names = [("Name", STRING), ("Version", STRING), ("Functions", FUNCTIONS)];
        let method = |name: &[u8]| [text(name), fields(&[])].concat();
        let methods = list(3, &[method(bytes), method(b"Greet"), method(bytes)]);
        let info = [
            struct_of(INFO, &names),
            map_of(FUNCTIONS, STRING, FUNCTION),
            struct_of(FUNCTION, &[]),
            value(INFO, fields(&[(0, text(bytes)), (1, text(bytes)), (2, methods)])),
        ]
        .concat();
        let heard = listen([&info[..]]).info.unwrap();
        assert_eq!((&*heard.name, &*heard.version), (replaced, replaced));
        // By another name the method couldn't be called.
        assert_eq!(heard.functions.keys().collect::<Vec<_>>(), ["Greet"]);
    }
}
