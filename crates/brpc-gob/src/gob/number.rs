//! Integers: one byte below 128, else how many bytes follow, negated, and those, the highest first.

use crate::GobError;

/// The most bytes of an integer.
pub(crate) const LONGEST: usize = 1 + size_of::<u64>();

/// Reads an integer at the start of some bytes, and its length; `None` if it isn't complete.
///
/// Only its shortest form is accepted, which is the one that Go writes.
pub(crate) fn read_uint(bytes: &[u8]) -> Result<Option<(u64, usize)>, GobError> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    if first < 0x80 {
        return Ok(Some((first.into(), 1)));
    }
    let count = usize::from(first.wrapping_neg());
    if count > size_of::<u64>() {
        return Err(GobError::Malformed { problem: "an integer of more than 64 bits" });
    }
    let Some(digits) = rest.get(..count) else { return Ok(None) };
    let value = digits.iter().fold(0, |value, &digit| value << 8 | u64::from(digit));
    if size(value) != 1 + count {
        return Err(GobError::Malformed { problem: "an overlong integer" });
    }
    Ok(Some((value, 1 + count)))
}

/// Appends an integer.
pub(crate) fn write_uint(value: u64, out: &mut Vec<u8>) {
    if value < 0x80 {
        // It fits one byte, which the compiler doesn't see.
        return out.push(value.to_le_bytes()[0]);
    }
    let count = size(value) - 1;
    out.push(count.wrapping_neg().to_le_bytes()[0]);
    out.extend_from_slice(&value.to_be_bytes()[size_of::<u64>() - count..]);
}

/// How many bytes an integer takes.
pub(crate) fn size(value: u64) -> usize {
    if value < 0x80 { 1 } else { LONGEST - value.leading_zeros() as usize / 8 }
}

/// The signed integer that is written as this one: its lowest bit says whether the others are
/// inverted.
pub(crate) fn to_signed(value: u64) -> i64 {
    let half = (value >> 1).cast_signed();
    if value & 1 == 1 { !half } else { half }
}

/// The unsigned integer as which a signed one is written.
pub(crate) fn from_signed(value: i64) -> u64 {
    let double = value.cast_unsigned() << 1;
    if value < 0 { !double } else { double }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_uint(value, &mut out);
        out
    }

    #[test]
    fn the_examples_of_the_documentation() {
        assert_eq!(written(7), [7]);
        assert_eq!(written(256), [0xFE, 0x01, 0x00]);
        assert_eq!(written(from_signed(-129)), [0xFE, 0x01, 0x01]);
    }

    #[test]
    fn integers_survive() {
        let edges = (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1, !(1 << bit)]);
        for value in edges.chain([u64::MAX]) {
            let bytes = written(value);
            assert_eq!(bytes.len(), size(value), "{value}");
            assert_eq!(read_uint(&bytes), Ok(Some((value, bytes.len()))));
            for end in 0..bytes.len() {
                assert_eq!(read_uint(&bytes[..end]), Ok(None));
            }
            assert_eq!(from_signed(to_signed(value)), value);
        }
        for value in [0, 1, -1, 64, -64, i64::MAX, i64::MIN] {
            assert_eq!(to_signed(from_signed(value)), value);
        }
    }

    #[test]
    fn only_the_shortest_form_is_taken() {
        for bytes in [&[0xFF, 0x7F][..], &[0xFE, 0x00, 0xFF], &[0xF8, 0, 0, 0, 0, 0, 0, 0, 0]] {
            let overlong = GobError::Malformed { problem: "an overlong integer" };
            assert_eq!(read_uint(bytes), Err(overlong), "{bytes:?}");
        }
        for first in 0x80..0xF8 {
            assert!(read_uint(&[first]).is_err(), "{first:#x}");
        }
    }
}
