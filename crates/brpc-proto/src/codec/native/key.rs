//! The extension of a `Hello` with what the plugin offers to prove: the key's id, and a nonce.

use postcard::experimental::serialized_size;

use crate::credentials::Key;

/// Encodes a key, without its secret.
pub(crate) fn encode(key: &Key) -> Vec<u8> {
    postcard::to_stdvec(&(key.id(), key.nonce())).expect("flat values serialize into memory")
}

/// Decodes a key; `None` if that isn't one.
pub(crate) fn decode(encoded: &[u8]) -> Option<Key> {
    let (key, rest) = postcard::take_from_bytes::<(&str, [u8; 32])>(encoded).ok()?;
    // In its shortest form only, as in the headers of frames.
    let is_shortest = serialized_size(&key) == Ok(encoded.len());
    let (id, nonce) = key;
    Key::offered(id, nonce).ok().filter(|_| rest.is_empty() && is_shortest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Secret;

    #[test]
    fn they_come_back_without_the_secret() {
        let secret = Secret::new("0123456789abcdef").unwrap();
        for id in ["a", "edge-7", &"x".repeat(128)] {
            let back = decode(&encode(&Key::new(id, secret.clone(), [7; 32]).unwrap())).unwrap();
            assert_eq!((back.id(), back.nonce()), (id, &[7; 32]));
            assert!(back.secret().is_none());
        }
    }

    #[test]
    fn what_is_no_key() {
        let bytes = |parts: &[&[u8]]| parts.concat();
        let long = "x".repeat(129);
        for wrong in [
            vec![],
            bytes(&[b"\x01a", &[7; 31]]),
            bytes(&[b"\x01a", &[7; 33]]),
            bytes(&[b"\x81\x00a", &[7; 32]]),
            bytes(&[b"\x00", &[7; 32]]),
            bytes(&[b"\x02.a", &[7; 32]]),
            bytes(&[b"\x02a\n", &[7; 32]]),
            bytes(&[b"\x01\xff", &[7; 32]]),
            bytes(&[b"\x81\x01", long.as_bytes(), &[7; 32]]),
        ] {
            assert!(decode(&wrong).is_none(), "{wrong:?}");
        }
    }
}
