//! The first bytes of a connection, which tell it from TLS, HTTP, JSON and gob.

use bytes::{Buf, BytesMut};

use brpc_core::ProtocolError;

/// What each side sends first: a byte that starts no text, the name, a line feed that a text-mode
/// transfer would change, the layout of the handshake, and flags, of which none is defined.
pub(crate) const PREFACE: [u8; 8] = [0xB2, b'b', b'r', b'p', b'c', b'\n', 1, 0];

/// How many of the bytes must be as they are in every version.
const MAGIC: usize = 6;

/// Takes the peer's preface off the input; false if it isn't complete yet.
///
/// Wrong bytes are found as soon as they arrive. The version byte isn't checked here: the layout of
/// preface, `Hello` and `Refused` stays the same, so that a peer of any version learns which
/// versions this side speaks.
pub(crate) fn read_preface(input: &mut BytesMut) -> Result<bool, ProtocolError> {
    let seen = input.len().min(MAGIC);
    if input[..seen] != PREFACE[..seen] {
        return Err(ProtocolError::BadPreface);
    }
    if input.len() < PREFACE.len() {
        return Ok(false);
    }
    input.advance(PREFACE.len());
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_by_byte() {
        let mut input = BytesMut::new();
        for &byte in &PREFACE {
            assert_eq!(read_preface(&mut input), Ok(false));
            input.extend_from_slice(&[byte]);
        }
        assert_eq!(read_preface(&mut input), Ok(true));
        assert!(input.is_empty());
    }

    #[test]
    fn strangers_are_known_by_their_first_byte() {
        for stranger in [&b"\x16\x03\x01"[..], b"GET / HTTP/1.1", b"PRI * ", b"{\"t\"", b"SSH-2.0"]
        {
            let mut input = BytesMut::from(&stranger[..1]);
            assert_eq!(read_preface(&mut input), Err(ProtocolError::BadPreface));
        }
    }
}
