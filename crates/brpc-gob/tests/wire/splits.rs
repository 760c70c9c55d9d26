//! The same conversation, in other pieces.

use brpc_gob::{GobError, Reader, Writer};
use bytes::BytesMut;

use crate::raw::{STRING, message, size_of_uint, struct_of, value};
use crate::talk::{LIMIT, conversation, info, listen};

#[test]
fn every_split_is_heard_alike() {
    let stream = conversation();
    let whole = listen([&stream[..]]);
    assert_eq!(whole.error, None);
    for split in 0..=stream.len() {
        assert_eq!(listen([&stream[..split], &stream[split..]]), whole, "split at {split}");
    }
    assert_eq!(listen(stream.chunks(1)), whole);
}

#[test]
fn what_is_cut_off_is_waited_for() {
    let stream = conversation();
    for end in 0..stream.len() {
        let heard = listen([&stream[..end]]);
        assert_eq!(heard.error, None, "{end}");
    }
}

/// The length of a message is that of what is left of it: the value in it ends too early.
#[test]
fn a_value_that_is_cut_off_is_an_error() {
    let stream = conversation();
    let (mut start, mut cut) = (0, 0);
    while start < stream.len() {
        let prefix = size_of_uint(stream[start]);
        let length = match prefix {
            1 => stream[start].into(),
            _ => stream[start + 1..start + prefix].iter().fold(0, |n, d| n << 8 | usize::from(*d)),
        };
        let body = start + prefix..start + prefix + length;
        for end in body.start + 1..body.end {
            let message = message(&[stream[body.start..end].to_vec()]);
            let parts = [&stream[..start], &message, &stream[body.end..]];
            assert!(listen([&parts.concat()[..]]).error.is_some(), "{start} {end}");
            cut += 1;
        }
        start = body.end;
    }
    assert!(cut > 500, "{cut}");
}

#[test]
fn all_bytes_up_to_an_introduction_count() {
    let (mut writer, mut stream) = (Writer::new(), Vec::new());
    writer.plugin_info(&info(), &mut stream);
    for limit in 0..stream.len() + 2 {
        let read = Reader::new().plugin_info(&mut BytesMut::from(&stream[..]), limit);
        match read {
            Ok(read) => assert!(read.is_some() && limit >= stream.len()),
            Err(error) => {
                assert!(matches!(error, GobError::TooLong { .. }), "{error}");
                assert!(limit < stream.len(), "{limit} of {}", stream.len());
            }
        }
    }
}

#[test]
fn the_limit_of_a_message_is_its_own() {
    let defined = struct_of(65, &[("Trace", STRING)]);
    let empty = value(65, vec![0]);
    let mut reader = Reader::new();
    let mut input = BytesMut::from(&[&defined[..], &empty, &empty].concat()[..]);
    let limit = defined.len() - 1;
    assert!(reader.envelope(&mut input, limit).unwrap().is_some());
    assert!(reader.envelope(&mut input, 3).unwrap().is_some());
    input.extend_from_slice(&empty);
    let too_long = GobError::TooLong { size: 3, limit: 2 };
    assert_eq!(reader.envelope(&mut input, 2), Err(too_long.clone()));
    // From then on there is nothing else, on either way.
    assert_eq!(reader.envelope(&mut input, LIMIT), Err(too_long.clone()));
    assert_eq!(reader.plugin_info(&mut input, LIMIT), Err(too_long));
}
