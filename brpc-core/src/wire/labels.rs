//! The extension of a `Hello` that has a plugin's labels: a count, then that many keys and values.

use postcard::experimental::serialized_size;

use super::append;
use crate::labels::{LabelError, MAX_LABELS};

/// The bytes of these labels, which are few.
pub(crate) fn encode_labels<'a>(
    labels: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> Vec<u8> {
    let mut encoded = Vec::new();
    append(&mut encoded, &labels.len());
    for label in labels {
        append(&mut encoded, &label);
    }
    encoded
}

/// Reads labels; the count is judged before any is.
pub(crate) fn decode_labels(encoded: &[u8]) -> Result<Vec<(&str, &str)>, LabelError> {
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
    if rest.is_empty() { Ok(labels) } else { Err(LabelError::Malformed) }
}
