//! What no program of Go says.

use brpc_gob::{Envelope, GobError, Reader};
use bytes::BytesMut;

use crate::raw::{
    BOOL, BYTES, INT, INTERFACE, STRING, UINT, array_of, definition, fields, int, list, map_of,
    message, slice_of, struct_of, text, uint, value,
};
use crate::talk::{LIMIT, conversation, error_of, listen};

const INFO: i64 = 65;
const FUNCTIONS: i64 = 66;
const FUNCTION: i64 = 67;
const ENTITY: i64 = 68;
const ENTITIES: i64 = 69;
const EXTRA: i64 = 80;

/// The types of an introduction, with an extra field.
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

fn functions(functions: Vec<u8>) -> Vec<u8> {
    value(INFO, fields(&[(1, functions)]))
}

fn input(entity: Vec<u8>) -> Vec<u8> {
    functions(list(1, &[text("f"), fields(&[(1, entity)])]))
}

fn is_malformed(error: &GobError) -> bool {
    matches!(error, GobError::Malformed { .. })
}

#[test]
fn lengths_that_are_announced() {
    for (length, size) in [(uint(1 << 30), 1 << 30), (uint((1 << 63) - 1), (1 << 63) - 1)] {
        for before in [vec![], types()] {
            let total = size + (before.len() + length.len()) as u64;
            let too_long = GobError::TooLong { size: total, limit: LIMIT };
            assert_eq!(error_of(&[before, length.clone()]), too_long);
        }
        let stream = [conversation(), length].concat();
        let error = listen([&stream[..]]).error;
        assert_eq!(error, Some(GobError::TooLong { size, limit: LIMIT }));
    }
    let too_long = GobError::TooLong { size: u64::MAX, limit: LIMIT };
    assert_eq!(error_of(&[uint(u64::MAX)]), too_long);
    // Its sum with what came before has no 64 bits.
    assert_eq!(error_of(&[types(), uint(u64::MAX - 1)]), too_long);
}

#[test]
fn lengths_that_are_none() {
    for prefix in [&[0][..], &[0x80], &[0xF7, 1], &[0xFF, 5], &[0xFE, 0, 200]] {
        assert!(is_malformed(&error_of(&[prefix.to_vec()])), "{prefix:?}");
    }
}

#[test]
fn what_is_no_gob_at_all() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaaaaaaaaaaaaaa",
        b"{\"name\":\"a\"}\n",
        b"\0\0\0\x05hello",
    ] {
        let bytes = [bytes, &[b' '; 300]].concat();
        assert!(listen([&bytes[..]]).error.is_some(), "{:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn the_first_message_defines_a_struct() {
    for first in [
        slice_of(65, INT),
        map_of(65, STRING, INT),
        array_of(65, INT, 3),
        value(INT, int(5)),
        value(65, vec![0]),
    ] {
        assert_eq!(error_of(&[first]), GobError::NoDefinition);
    }
}

#[test]
fn definitions_without_end() {
    let many = (64..10_064).map(|id| slice_of(id, INT));
    let stream: Vec<_> = [types()].into_iter().chain(many.skip(36)).collect();
    assert_eq!(error_of(&stream), GobError::TooManyTypes);
    // In a conversation they are counted on.
    let stream: Vec<_> =
        [conversation()].into_iter().chain((100..200).map(|id| slice_of(id, INT))).collect();
    assert_eq!(error_of(&stream), GobError::TooManyTypes);
}

#[test]
fn fields_without_end() {
    let names: Vec<_> = (0..600).map(|n| format!("F{n}")).collect();
    let of: Vec<_> = names.iter().map(|name| (&**name, INT)).collect();
    let stream = [struct_of(65, &of), struct_of(66, &of[..424]), struct_of(67, &of[..1])];
    assert_eq!(error_of(&stream), GobError::TooManyFields);
    assert_eq!(listen(stream[..2].iter().map(|part| &part[..])).error, None);
    // Two bytes of a count, and as many bytes as that needs at least.
    let parts = [(1, [uint(60_000), vec![0; 60_000]].concat())];
    assert_eq!(error_of(&[definition(65, 2, &parts)]), GobError::TooManyFields);
}

#[test]
fn numbers_of_types() {
    let of = [("Name", STRING)];
    for id in [1, 6, 8, 16, 63, 1 << 31, i64::MAX] {
        assert_eq!(error_of(&[struct_of(id, &of)]), GobError::BadDefinition { id });
    }
    // The lowest number has no opposite.
    let lowest = message(&[int(i64::MIN), fields(&[(2, fields(&[(0, fields(&[]))]))])]);
    assert_eq!(error_of(&[lowest]), GobError::BadDefinition { id: i64::MAX });
    let again = [struct_of(65, &of), struct_of(65, &of)];
    assert_eq!(error_of(&again), GobError::BadDefinition { id: 65 });
    assert_eq!(error_of(&[types(), value(999, fields(&[]))]), GobError::UnknownType { id: 999 });
    assert_eq!(error_of(&[types(), value(0, fields(&[]))]), GobError::UnknownType { id: 0 });
    let unknown = value(INFO, fields(&[(2, uint(1))]));
    assert_eq!(error_of(&[types(), unknown]), GobError::UnknownType { id: EXTRA });
}

#[test]
fn definitions_of_other_forms() {
    let common = || (0, fields(&[(0, text("T"))]));
    let bodies = [
        // No form, an unknown one, and two.
        fields(&[]),
        fields(&[(7, fields(&[common()]))]),
        fields(&[(1, fields(&[common(), (1, int(INT))])), (4, fields(&[common()]))]),
        // The start of a second one, and nothing more.
        [uint(2), fields(&[common(), (1, int(INT))]), uint(3)].concat(),
        // Parts that the form doesn't have.
        fields(&[(1, fields(&[common(), (2, int(3))]))]),
        fields(&[(3, fields(&[common(), (3, int(3))]))]),
        fields(&[(4, fields(&[common(), (1, int(3))]))]),
        fields(&[(1, fields(&[(0, fields(&[(2, int(3))]))]))]),
        fields(&[(2, fields(&[(1, list(1, &[fields(&[(2, int(3))])]))]))]),
        // More bytes behind it.
        [fields(&[(1, fields(&[common(), (1, int(INT))]))]), vec![0]].concat(),
        // A field that is known, twice.
        fields(&[(
            2,
            fields(&[(1, list(2, &[fields(&[(0, text("Seq"))]), fields(&[(0, text("Seq"))])]))]),
        )]),
    ];
    for body in bodies {
        let error = error_of(&[types(), message(&[int(-90), body.clone()])]);
        assert!(is_malformed(&error), "{body:?}: {error}");
    }
    let name = fields(&[(2, fields(&[(0, [&uint(1)[..], &uint(300 << 20), b"abc"].concat())]))]);
    assert_eq!(error_of(&[types(), message(&[int(-90), name])]), GobError::Truncated);
}

#[test]
fn types_within_themselves() {
    // A struct that is its own field, a slice of itself, a map of itself, and a ring of two.
    let of_itself = [
        (vec![struct_of(EXTRA, &[("X", EXTRA)])], [1].repeat(200)),
        (vec![slice_of(EXTRA, EXTRA)], [1].repeat(200)),
        (vec![array_of(EXTRA, EXTRA, 1)], [1].repeat(200)),
        (vec![map_of(EXTRA, EXTRA, EXTRA)], [1].repeat(200)),
        (vec![slice_of(EXTRA, EXTRA + 1), slice_of(EXTRA + 1, EXTRA)], [1].repeat(200)),
        (
            vec![map_of(EXTRA, INT, EXTRA + 1), struct_of(EXTRA + 1, &[("X", EXTRA)])],
            [1].repeat(200),
        ),
    ];
    for (definitions, value) in of_itself {
        // The field is skipped; a value that ends in time is fine, if it isn't too deep.
        let said = |value: Vec<u8>| {
            let value = crate::raw::value(INFO, fields(&[(2, value)]));
            listen([&[types(), definitions.concat(), value].concat()[..]]).error
        };
        assert_eq!(said(value), Some(GobError::TooDeep));
    }
    let slices = |depth| [vec![1; depth], vec![0]].concat();
    let said = |depth| {
        let value = value(INFO, fields(&[(2, slices(depth))]));
        listen([&[types(), slice_of(EXTRA, EXTRA), value].concat()[..]]).error
    };
    assert_eq!((said(63), said(64)), (None, Some(GobError::TooDeep)));
}

#[test]
fn counts_beyond_the_message() {
    for count in [2, 1 << 20, 1 << 60, u64::MAX] {
        for kind in [
            slice_of(EXTRA, EXTRA + 1),
            array_of(EXTRA, EXTRA + 1, 1 << 60),
            map_of(EXTRA, EXTRA + 1, EXTRA + 1),
        ] {
            // Elements without fields, each of which takes a byte all the same.
            let flood = value(INFO, fields(&[(2, uint(count))]));
            let error = error_of(&[types(), kind, struct_of(EXTRA + 1, &[]), flood]);
            assert_eq!(error, GobError::Truncated, "{count}");
        }
        assert_eq!(error_of(&[types(), functions(uint(count))]), GobError::Truncated);
        assert_eq!(error_of(&[types(), input(fields(&[(1, uint(count))]))]), GobError::Truncated);
    }
}

#[test]
fn elements_without_fields_are_skipped_one_by_one() {
    let count = 500_000;
    let flood = value(INFO, fields(&[(2, [uint(count), vec![0; 500_000]].concat())]));
    let stream = [types(), slice_of(EXTRA, EXTRA + 1), struct_of(EXTRA + 1, &[]), flood].concat();
    assert!(listen([&stream[..]]).info.is_some());
}

#[test]
fn functions_without_end() {
    let many = |count: u64| {
        let pairs: Vec<_> = (0..count).flat_map(|n| [text(format!("f{n}")), vec![0]]).collect();
        functions(list(count, &pairs))
    };
    assert_eq!(listen([&[types(), many(1_024)].concat()[..]]).info.unwrap().functions.len(), 1_024);
    assert_eq!(error_of(&[types(), many(1_025)]), GobError::TooManyFunctions);
    let twice = functions(list(2, &[text("f"), vec![0], text("f"), vec![0]]));
    assert!(is_malformed(&error_of(&[types(), twice])));
}

#[test]
fn entities_without_end() {
    let wide = |count: u64| {
        let empty = vec![0; usize::try_from(count).unwrap()];
        input(fields(&[(1, [uint(count), empty].concat())]))
    };
    let kept = |message: Vec<u8>| -> Vec<usize> {
        let info = listen([&[types(), message].concat()[..]]).info.unwrap();
        info.functions.values().map(|of| of.input.as_ref().unwrap().fields.len()).collect()
    };
    assert_eq!(kept(wide(16_384)), [16_384]);
    assert_eq!(kept(wide(16_385)), [0], "left out");
    // They count together.
    let half = fields(&[(1, fields(&[(1, [uint(8_193), vec![0; 8_193]].concat())]))]);
    let two = functions(list(2, &[text("f"), half.clone(), text("g"), half]));
    assert_eq!(kept(two), [8_193, 0]);
}

#[test]
fn entities_too_deep() {
    let nested = |depth: usize| {
        let entity = (1..depth).fold(vec![0], |inner, _| fields(&[(1, list(1, &[inner]))]));
        input(entity)
    };
    let depth = |nested: Vec<u8>| {
        let info = listen([&[types(), nested].concat()[..]]).info.unwrap();
        let root = info.functions["f"].input.clone().unwrap();
        std::iter::successors(Some(root), |entity| entity.fields.first().cloned()).count()
    };
    assert_eq!([31, 32, 33, 60].map(|levels| depth(nested(levels))), [31, 32, 32, 32]);
    assert_eq!(error_of(&[types(), nested(10_000)]), GobError::TooDeep);
}

#[test]
fn known_fields_of_other_types() {
    let wrong_type = |of: &[(&str, i64)], wrong: Vec<u8>| {
        let stream = [
            struct_of(65, of),
            slice_of(66, INT),
            map_of(67, STRING, INT),
            map_of(68, INT, 65),
            slice_of(69, BOOL),
            value(65, fields(&[(0, wrong)])),
        ];
        match error_of(&stream) {
            GobError::BadType { field, .. } => field,
            error => panic!("{error}"),
        }
    };
    assert_eq!(wrong_type(&[("Name", INT)], int(1)), "Name");
    assert_eq!(wrong_type(&[("Name", BYTES)], text("a")), "Name");
    assert_eq!(wrong_type(&[("Version", 66)], list(0, &[])), "Version");
    assert_eq!(wrong_type(&[("Functions", 66)], list(0, &[])), "Functions");
    assert_eq!(wrong_type(&[("Functions", 67)], list(1, &[text("a"), int(1)])), "Functions");
    assert_eq!(wrong_type(&[("Functions", 68)], list(0, &[])), "Functions");

    let in_input = |name: &str, id: i64, wrong: Vec<u8>| {
        let stream = [
            struct_of(INFO, &[("Functions", FUNCTIONS)]),
            map_of(FUNCTIONS, STRING, FUNCTION),
            struct_of(FUNCTION, &[("Input", ENTITY), ("Output", STRING)]),
            struct_of(ENTITY, &[(name, id)]),
            slice_of(ENTITIES, INT),
            array_of(70, ENTITY, 1),
            value(
                INFO,
                fields(&[(0, list(1, &[text("f"), fields(&[(0, fields(&[(0, wrong)]))])]))]),
            ),
        ];
        error_of(&stream)
    };
    for (name, id, wrong) in [
        ("Type", UINT, uint(7)),
        ("Mandatory", STRING, text("yes")),
        ("Fields", STRING, text("")),
        ("Fields", ENTITIES, list(1, &[int(1)])),
        ("Fields", 70, list(1, &[vec![0]])),
    ] {
        assert!(
            matches!(in_input(name, id, wrong), GobError::BadType { field, .. } if field == name),
            "{name}"
        );
    }
    let output = [
        struct_of(INFO, &[("Functions", FUNCTIONS)]),
        map_of(FUNCTIONS, STRING, FUNCTION),
        struct_of(FUNCTION, &[("Output", STRING)]),
        value(INFO, fields(&[(0, list(1, &[text("f"), fields(&[(0, text("a"))])]))])),
    ];
    assert_eq!(error_of(&output), GobError::BadType { field: "Output", expected: "a struct" });
}

fn envelope_of(stream: &[Vec<u8>]) -> Result<Option<Envelope>, GobError> {
    Reader::new().envelope(&mut BytesMut::from(&stream.concat()[..]), LIMIT)
}

#[test]
fn fields_of_an_envelope() {
    for (name, id, wrong) in [
        ("Seq", INT, int(1)),
        ("Trace", BYTES, text("a")),
        ("Method", UINT, uint(7)),
        ("Error", BOOL, uint(1)),
        ("Payload", STRING, text("{}")),
        ("Payload", 66, list(1, &[uint(1)])),
    ] {
        let stream =
            [struct_of(65, &[(name, id)]), slice_of(66, UINT), value(65, fields(&[(0, wrong)]))];
        let error = envelope_of(&stream).unwrap_err();
        assert!(matches!(error, GobError::BadType { field, .. } if field == name), "{error}");
    }
}

#[test]
fn values_of_other_types() {
    // The one where the other is due, something without a field of ours, and no struct at all.
    let expected = GobError::WrongValue { expected: "PluginInfo" };
    let envelope = [struct_of(65, &[("Seq", UINT)]), value(65, fields(&[(0, uint(1))]))];
    assert_eq!(error_of(&envelope), expected);
    assert_eq!(error_of(&[struct_of(65, &[]), value(65, fields(&[]))]), expected);
    assert_eq!(
        error_of(&[struct_of(65, &[]), value(STRING, [vec![0], text("a")].concat())]),
        expected
    );
    let info = [types(), value(INFO, fields(&[]))];
    assert_eq!(envelope_of(&info), Err(GobError::WrongValue { expected: "Envelope" }));
}

#[test]
fn fields_beyond_the_last_and_bytes_behind_the_end() {
    for number in [3, 4, 200, u64::MAX - 1] {
        assert!(is_malformed(&error_of(&[types(), value(INFO, fields(&[(number, uint(0))]))])));
    }
    let far = uint(u64::MAX);
    let overflow = message(&[int(INFO), [&uint(1)[..], &text("a"), &far, &far].concat()]);
    assert!(is_malformed(&error_of(&[types(), overflow])));
    let trailing = message(&[int(INFO), fields(&[]), vec![0]]);
    assert!(is_malformed(&error_of(&[types(), trailing])));
}

#[test]
fn a_type_that_is_defined_within_a_value() {
    let inner = [text("T"), int(-90), text("def")].concat();
    let stream =
        [struct_of(65, &[("Name", STRING), ("X", INTERFACE)]), value(65, fields(&[(1, inner)]))];
    let what = "a new type within an interface";
    assert_eq!(error_of(&stream), GobError::Unsupported { what });
}
