//! The extension of a `Hello` and a `Welcome` with the interval of heartbeats: its milliseconds.

use std::time::Duration;

use postcard::experimental::serialized_size;

/// Encodes an interval.
pub(crate) fn encode(interval: Duration) -> Vec<u8> {
    let millis = u32::try_from(interval.as_millis()).unwrap_or(u32::MAX);
    postcard::to_stdvec(&millis).expect("a number serializes into memory")
}

/// Decodes an interval; `None` if that isn't one.
pub(crate) fn decode(encoded: &[u8]) -> Option<Duration> {
    let (millis, rest) = postcard::take_from_bytes::<u32>(encoded).ok()?;
    // In its shortest form only, as in the headers of frames.
    let is_shortest = serialized_size(&millis) == Ok(encoded.len());
    (rest.is_empty() && is_shortest).then(|| Duration::from_millis(millis.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back() {
        for interval in [Duration::ZERO, Duration::from_secs(5), Duration::from_hours(24)] {
            assert_eq!(decode(&encode(interval)), Some(interval));
        }
        assert_eq!(decode(&encode(Duration::MAX)), Some(Duration::from_millis(u32::MAX.into())));
    }

    #[test]
    fn what_is_no_number_in_its_shortest_form_is_none() {
        for encoded in [&[][..], &[0x80], &[0x85, 0], &[5, 0], &[0xFF; 5]] {
            assert_eq!(decode(encoded), None, "{encoded:?}");
        }
    }
}
