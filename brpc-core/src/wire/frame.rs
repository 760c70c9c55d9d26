//! Frames: a length, a kind, and a body of which the kind tells the layout.
//!
//! ```text
//! +----------------+--------+---------------------+-----------------+
//! | length: u32 BE | kind   | header (postcard)   | payload         |
//! +----------------+--------+---------------------+-----------------+
//!                  |<------------------ length ------------------->|
//! ```

use bytes::{Buf, Bytes, BytesMut};

use crate::ProtocolError;

/// Bytes of the length.
pub(crate) const PREFIX: usize = 4;

/// The kinds of frames. A number is never given a second meaning.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 0x01;
    pub(crate) const ACCEPTED: u8 = 0x02;
    pub(crate) const REFUSED: u8 = 0x03;
    pub(crate) const DESCRIBE: u8 = 0x04;
    pub(crate) const WELCOME: u8 = 0x05;
    pub(crate) const CALL: u8 = 0x10;
    pub(crate) const CANCEL: u8 = 0x11;
    pub(crate) const CREDIT: u8 = 0x12;
    pub(crate) const DRAIN: u8 = 0x13;
    pub(crate) const REPLY: u8 = 0x18;
    pub(crate) const FAILED: u8 = 0x19;
    pub(crate) const EVENT: u8 = 0x1A;
    pub(crate) const LEAVE: u8 = 0x1B;
    pub(crate) const METADATA: u8 = 0x1C;
    pub(crate) const GOODBYE: u8 = 0x1F;

    /// Kinds that a receiver skips if it doesn't know them. All others it must know.
    pub(crate) const IGNORABLE: std::ops::RangeInclusive<u8> = 0x80..=0xBF;
}

/// One frame, without its length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    /// Says what the body is.
    pub(crate) kind: u8,
    /// Header and payload; a view into the bytes as they were read.
    pub(crate) body: Bytes,
}

impl Frame {
    /// What follows the header, which has so many bytes.
    pub(crate) fn into_payload(mut self, header: usize) -> Bytes {
        self.body.advance(header);
        self.body
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub(crate) struct FrameReader {
    /// The largest length that is let through.
    limit: usize,
}

impl FrameReader {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit }
    }

    /// The largest length that is let through.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Changes what is let through, from the next frame on.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes the next frame off the input; `None` if it isn't complete.
    ///
    /// The length is judged before any byte of the body has come, and nothing is ever reserved for
    /// a length that was only announced.
    pub(crate) fn next(&self, input: &mut BytesMut) -> Result<Option<Frame>, ProtocolError> {
        let Some((&prefix, rest)) = input.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let size = u32::from_be_bytes(prefix) as usize;
        if size == 0 {
            return Err(ProtocolError::EmptyFrame);
        }
        if size > self.limit {
            return Err(ProtocolError::FrameTooLarge { size, limit: self.limit });
        }
        if rest.len() < size {
            return Ok(None);
        }
        let mut body = input.split_to(PREFIX + size).freeze();
        body.advance(PREFIX);
        let kind = body.get_u8();
        Ok(Some(Frame { kind, body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(body.len() + 1).unwrap().to_be_bytes().to_vec();
        bytes.push(kind);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn every_split_gives_the_same_frames() {
        let stream = [frame(1, b"abc"), frame(2, b""), frame(3, &[7; 40])].concat();
        for split in 0..=stream.len() {
            let (reader, mut input, mut kinds) =
                (FrameReader::new(64), BytesMut::new(), Vec::new());
            for part in [&stream[..split], &stream[split..]] {
                input.extend_from_slice(part);
                while let Some(frame) = reader.next(&mut input).unwrap() {
                    kinds.push((frame.kind, frame.body.len()));
                }
            }
            assert_eq!(kinds, [(1, 3), (2, 0), (3, 40)], "split at {split}");
        }
    }

    #[test]
    fn a_length_is_judged_before_its_body_comes() {
        let reader = FrameReader::new(64);
        let next = |bytes: &[u8]| reader.next(&mut BytesMut::from(bytes));
        assert_eq!(next(&[0, 0, 0, 0]), Err(ProtocolError::EmptyFrame));
        assert_eq!(next(&[0, 0, 0, 64]), Ok(None));
        let too_large = |size| Err(ProtocolError::FrameTooLarge { size, limit: 64 });
        assert_eq!(next(&[0, 0, 0, 65]), too_large(65));
        assert_eq!(next(&[255; 4]), too_large(u32::MAX as usize));
    }
}
