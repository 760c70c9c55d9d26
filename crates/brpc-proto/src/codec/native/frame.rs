//! Frames: a length, a kind, and a body whose layout depends on the kind.
//!
//! ```text
//! +----------------+--------+---------------------+-----------------+
//! | length: u32 BE | kind   | header (postcard)   | payload         |
//! +----------------+--------+---------------------+-----------------+
//!                  |<------------------ length ------------------->|
//! ```

use brpc_core::ProtocolError;
use bytes::{Buf, Bytes, BytesMut};
use postcard::ser_flavors::Flavor;
use serde::Serialize;

use crate::buffer::WriteBuffer;

/// Bytes of the length.
pub(crate) const PREFIX: usize = 4;

/// One frame, without its length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    /// The kind, which gives the layout of the body.
    pub(crate) kind: u8,
    /// Header and payload; a view into the bytes that were read.
    pub(crate) body: Bytes,
}

impl Frame {
    /// The payload behind a header of so many bytes.
    pub(crate) fn into_payload(mut self, header: usize) -> Bytes {
        self.body.advance(header);
        self.body
    }
}

/// Takes the next frame off the input; `None` if it isn't complete.
///
/// Length and kind are judged before the body arrives, and nothing is reserved for a length that
/// was only announced.
pub(crate) fn next_frame(
    input: &mut BytesMut,
    limit: usize,
    judge: impl FnOnce(u8) -> Result<(), ProtocolError>,
) -> Result<Option<Frame>, ProtocolError> {
    let Some((&prefix, rest)) = input.split_first_chunk::<PREFIX>() else { return Ok(None) };
    let size = u32::from_be_bytes(prefix) as usize;
    if size == 0 {
        return Err(ProtocolError::EmptyFrame);
    }
    if size > limit {
        return Err(ProtocolError::FrameTooLarge { size, limit });
    }
    let Some(&kind) = rest.first() else { return Ok(None) };
    judge(kind)?;
    if rest.len() < size {
        return Ok(None);
    }
    let mut body = input.split_to(PREFIX + size).freeze();
    body.advance(PREFIX + 1);
    Ok(Some(Frame { kind, body }))
}

/// Appends a frame.
pub(crate) fn put_frame<H: Serialize>(
    kind: u8,
    header: &H,
    payload: &Bytes,
    out: &mut WriteBuffer,
) {
    out.with(|bytes| put_header(kind, header, payload.len(), bytes));
    out.payload(payload);
}

/// Appends a frame with a copy of its payload.
pub(crate) fn put_frame_with_copy<H: Serialize>(
    kind: u8,
    header: &H,
    payload: &[u8],
    out: &mut WriteBuffer,
) {
    out.with(|bytes| {
        put_header(kind, header, payload.len(), bytes);
        bytes.extend_from_slice(payload);
    });
}

/// Appends the part of a frame before a payload of this size.
fn put_header<H: Serialize>(kind: u8, header: &H, payload: usize, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0, 0, 0, 0, kind]);
    postcard::serialize_with_flavor(header, Appending(bytes))
        .expect("headers are flat and serialize into memory");
    let size = bytes.len() - start - PREFIX + payload;
    let size = u32::try_from(size).expect("frames are checked against their limit before");
    bytes[start..start + PREFIX].copy_from_slice(&size.to_be_bytes());
}

/// Lets postcard append to a buffer by whole slices.
struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
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
            let (mut input, mut kinds) = (BytesMut::new(), Vec::new());
            for part in [&stream[..split], &stream[split..]] {
                input.extend_from_slice(part);
                while let Some(frame) = next_frame(&mut input, 64, |_| Ok(())).unwrap() {
                    kinds.push((frame.kind, frame.body.len()));
                }
            }
            assert_eq!(kinds, [(1, 3), (2, 0), (3, 40)], "split at {split}");
        }
    }

    #[test]
    fn length_and_kind_are_judged_before_the_body_comes() {
        let unexpected = ProtocolError::UnexpectedFrame { kind: 9 };
        let judge = |kind| if kind == 9 { Err(unexpected) } else { Ok(()) };
        let next = |bytes: &[u8]| next_frame(&mut BytesMut::from(bytes), 64, judge);
        assert_eq!(next(&[0, 0, 0, 0]), Err(ProtocolError::EmptyFrame));
        assert_eq!(next(&[0, 0, 0, 64]), Ok(None));
        let too_large = |size| Err(ProtocolError::FrameTooLarge { size, limit: 64 });
        assert_eq!(next(&[0, 0, 0, 65]), too_large(65));
        assert_eq!(next(&[255; 4]), too_large(u32::MAX as usize));
        assert_eq!(next(&[0, 0, 0, 64, 1]), Ok(None));
        assert_eq!(next(&[0, 0, 0, 64, 9]), Err(unexpected));
    }
}
