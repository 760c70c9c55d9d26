//! The extension of a `Hello` with a plugin's labels: a count, then that many keys and values.

use brpc_core::labels::{LabelError, Labels, MAX_LABELS};
use postcard::experimental::serialized_size;

/// Encodes labels.
pub(crate) fn encode(labels: &Labels) -> Vec<u8> {
    let labels: Vec<_> = labels.iter().collect();
    postcard::to_stdvec(&labels).expect("flat values serialize into memory")
}

/// Decodes labels; checks their count first. Their keys rise.
pub(crate) fn decode(encoded: &[u8]) -> Result<Labels, LabelError> {
    let malformed = |_| LabelError::Malformed;
    let (count, mut rest) = postcard::take_from_bytes::<u32>(encoded).map_err(malformed)?;
    if encoded.len() - rest.len() != serialized_size(&count).map_err(malformed)? {
        return Err(LabelError::Malformed);
    }
    if count as usize > MAX_LABELS {
        return Err(LabelError::TooMany);
    }
    let mut labels = Vec::new();
    for _ in 0..count {
        let (label, after) = postcard::take_from_bytes::<(&str, &str)>(rest).map_err(malformed)?;
        // Numbers in their shortest form only, as in the headers of frames.
        if rest.len() - after.len() != serialized_size(&label).map_err(malformed)? {
            return Err(LabelError::Malformed);
        }
        rest = after;
        labels.push(label);
    }
    if !rest.is_empty() {
        return Err(LabelError::Malformed);
    }
    let unsorted = labels.windows(2).find(|pair| pair[0].0 > pair[1].0).map(|pair| pair[1].0);
    let labels = Labels::new(labels)?;
    unsorted.map_or(Ok(labels), |key| Err(LabelError::Unsorted { key: key.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back() {
        for labels in [Labels::default(), Labels::new([("zone", "b"), ("tier", "")]).unwrap()] {
            assert_eq!(decode(&encode(&labels)), Ok(labels));
        }
    }

    #[test]
    fn bytes_that_are_no_labels() {
        let bytes = |parts: &[&[u8]]| parts.concat();
        let right = bytes(&[&[2], b"\x01a\x011", b"\x01b\x00"]);
        assert_eq!(decode(&right), Labels::new([("a", "1"), ("b", "")]));
        let malformed = Err(LabelError::Malformed);
        for (what, wrong) in [
            ("nothing", vec![]),
            ("fewer than announced", bytes(&[&[2], b"\x01a\x011"])),
            ("more than announced", bytes(&[&[1], b"\x01a\x011", b"\x01b\x00"])),
            ("a count in a longer form", bytes(&[&[0x81, 0], b"\x01a\x011"])),
            ("a size in a longer form", bytes(&[&[1], b"\x81\x00a\x011"])),
            ("no text", bytes(&[&[1], b"\x01a\x01\xFF"])),
        ] {
            assert_eq!(decode(&wrong), malformed, "{what}");
        }
        let disordered = bytes(&[&[2], b"\x01b\x00", b"\x01a\x011"]);
        assert_eq!(decode(&disordered), Err(LabelError::Unsorted { key: "a".to_owned() }));
        let twice = bytes(&[&[2], b"\x01a\x00", b"\x01a\x00"]);
        assert_eq!(decode(&twice), Err(LabelError::Duplicate { key: "a".to_owned() }));
        // A count of 2^32 - 1 and nothing behind it.
        let bomb = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
        assert_eq!(decode(&bomb), Err(LabelError::TooMany));
    }
}
