//! Cuts a stream of bytes into messages.

use bytes::{Buf, Bytes, BytesMut};

use super::number::read_uint;
use crate::GobError;

/// A whole message.
#[derive(Debug)]
pub(crate) struct Message {
    /// What follows the length; a view into the received bytes.
    pub(crate) body: Bytes,
    /// The bytes of it all, with the length.
    pub(crate) size: usize,
}

impl Message {
    /// Removes the next message from the input; `None` if it isn't complete.
    ///
    /// The length's own size and its value are checked before any byte of the body has arrived, and
    /// memory is never reserved for a length that was only announced.
    pub(crate) fn take(
        input: &mut BytesMut,
        judge: impl FnOnce(usize, u64) -> Result<(), GobError>,
    ) -> Result<Option<Self>, GobError> {
        let Some((length, prefix)) = read_uint(input)? else { return Ok(None) };
        if length == 0 {
            return Err(GobError::Malformed { problem: "a message without a body" });
        }
        judge(prefix, length)?;
        let arrived = |size: &usize| input.len() - prefix >= *size;
        let Some(length) = usize::try_from(length).ok().filter(arrived) else { return Ok(None) };
        input.advance(prefix);
        Ok(Some(Self { body: input.split_to(length).freeze(), size: prefix + length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to(limit: u64) -> impl FnOnce(usize, u64) -> Result<(), GobError> {
        move |_, size| {
            if size <= limit { Ok(()) } else { Err(GobError::TooLong { size, limit: 0 }) }
        }
    }

    #[test]
    fn bytes_come_one_by_one() {
        let stream = [&[3][..], b"abc", &[0xFF, 0x80], &[7; 128]].concat();
        let (mut input, mut messages) = (BytesMut::new(), Vec::new());
        for byte in stream {
            input.extend_from_slice(&[byte]);
            while let Some(message) = Message::take(&mut input, up_to(128)).unwrap() {
                messages.push((message.body, message.size));
            }
        }
        assert_eq!(
            messages,
            [(Bytes::from_static(b"abc"), 4), (Bytes::from_static(&[7; 128]), 130)]
        );
    }

    #[test]
    fn a_length_is_judged_before_its_body_comes() {
        let take = |bytes: &[u8]| {
            let mut input = BytesMut::from(bytes);
            let room = input.capacity();
            let taken = Message::take(&mut input, up_to(64));
            assert_eq!(input.capacity(), room);
            taken.map(|message| message.is_some())
        };
        assert_eq!(take(&[64]), Ok(false));
        assert_eq!(take(&[65]), Err(GobError::TooLong { size: 65, limit: 0 }));
        let longest = [0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(take(&longest), Err(GobError::TooLong { size: u64::MAX, limit: 0 }));
        assert!(take(&[0]).is_err());
        assert!(take(&[0x90]).is_err());
    }
}
