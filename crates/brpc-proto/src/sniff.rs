//! Tells which protocol a peer speaks by its first bytes.

use brpc_core::Wire;

/// The result of a look at the first bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sniffed {
    /// Too few bytes have arrived to tell.
    Undecided,
    /// The peer speaks this.
    Is(Wire),
}

/// How the other protocols begin. Also with a small number, as a gob stream may; but a gob stream
/// then has a type id, which no second byte of these can begin.
const BEGINNINGS: &[(&[u8], Wire)] = &[
    (b"\x16\x03", Wire::Tls),
    (b"{\"", Wire::Json),
    (b"{}", Wire::Json),
    (b"{ ", Wire::Json),
    (b"{\t", Wire::Json),
    (b"{\r", Wire::Json),
    (b"{\n", Wire::Json),
    (b"SSH-", Wire::Ssh),
    (b"GET ", Wire::Http),
    (b"HEAD ", Wire::Http),
    (b"POST ", Wire::Http),
    (b"PUT ", Wire::Http),
    (b"PATCH ", Wire::Http),
    (b"DELETE ", Wire::Http),
    (b"OPTIONS ", Wire::Http),
    (b"CONNECT ", Wire::Http),
    (b"TRACE ", Wire::Http),
    // HTTP/2.
    (b"PRI ", Wire::Http),
];

/// Tells which protocol a peer speaks by the first bytes of a connection. Needs no more bytes than
/// tell the protocols apart, at most 18, and consumes none.
///
/// | first bytes | protocol |
/// |---|---|
/// | `B2` | native; what follows is for its handshake to judge |
/// | a gob length, then a type id of -64 or below | gob: the definition of the first type |
/// | `16 03` | TLS |
/// | a method of HTTP and a blank, in capitals; or `PRI` and a blank | HTTP |
/// | `SSH-` | SSH |
/// | `{` and one of `"`, `}` or white space | JSON |
pub fn sniff(bytes: &[u8]) -> Sniffed {
    use Sniffed::{Is, Undecided};
    match bytes {
        [] => Undecided,
        [0xB2, ..] => Is(Wire::Native),
        [first, ..] if is_gob_number(*first) => match gob(bytes) {
            Is(Wire::Unknown) => beginning(bytes),
            told => told,
        },
        _ => Is(Wire::Unknown),
    }
}

/// Which of the other protocols begins so.
fn beginning(bytes: &[u8]) -> Sniffed {
    let starts = |start: &[u8]| bytes.iter().zip(start).all(|(byte, wanted)| byte == wanted);
    match BEGINNINGS.iter().find(|(start, _)| starts(start)) {
        Some((start, wire)) if bytes.len() >= start.len() => Sniffed::Is(*wire),
        Some(_) => Sniffed::Undecided,
        None => Sniffed::Is(Wire::Unknown),
    }
}

/// Whether a gob number can begin with this byte: a small number, or the count of the bytes that
/// follow.
fn is_gob_number(first: u8) -> bool {
    !(0x80..0xF8).contains(&first)
}

/// Whether a gob message that defines a type begins here.
fn gob(bytes: &[u8]) -> Sniffed {
    let Some((length, rest)) = gob_number(bytes) else { return Sniffed::Undecided };
    if length == 0 {
        return Sniffed::Is(Wire::Unknown);
    }
    let id = match rest {
        [] => return Sniffed::Undecided,
        [first, ..] if !is_gob_number(*first) => return Sniffed::Is(Wire::Unknown),
        rest => match gob_number(rest) {
            None => return Sniffed::Undecided,
            Some((id, _)) => id,
        },
    };
    // Both sides know the types with ids below 64. The last bit of a signed number is the sign, and
    // a negative one has all other bits inverted: -64 is 63 and the sign.
    let defines = id & 1 == 1 && id >> 1 >= 63;
    Sniffed::Is(if defines { Wire::Gob } else { Wire::Unknown })
}

/// The number that begins here, and the bytes behind it; `None` if it isn't complete.
fn gob_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((u64::from(first), rest));
    }
    let count = usize::from(first.wrapping_neg());
    let (number, rest) = rest.split_at_checked(count)?;
    Some((number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes are needed to tell, and the result.
    fn told(bytes: &[u8]) -> Option<(usize, Wire)> {
        (0..=bytes.len()).find_map(|count| match sniff(&bytes[..count]) {
            Sniffed::Undecided => None,
            Sniffed::Is(protocol) => Some((count, protocol)),
        })
    }

    #[test]
    fn byte_by_byte_and_no_more_than_it_takes() {
        use Wire::{Gob, Http, Json, Native, Ssh, Tls, Unknown};
        for (bytes, count, protocol) in [
            (&b"\xB2brpc\n\x01\x00"[..], 1, Native),
            // As a Go program begins that has registered few types, more, and very many.
            (b"\x3b\x7f\x03\x01\x01\x0aPluginInfo", 2, Gob),
            (b"\x3c\xff\x81\x03\x01\x01\x0aPluginInfo", 3, Gob),
            (b"\xff\xa0\xfe\x03\xff\x03\x01\x01\x0aPluginInfo", 5, Gob),
            // Definitions whose lengths are the first bytes of the other protocols.
            (b"\x16\x7f\x03", 2, Gob),
            (b"{\x7f\x03", 2, Gob),
            (b"G\xff\x81", 3, Gob),
            (b"\x16\x03\x01\x02\x00", 2, Tls),
            (b"GET / HTTP/1.1", 4, Http),
            (b"OPTIONS * HTTP/1.1", 8, Http),
            (b"PRI * HTTP/2.0", 4, Http),
            (b"SSH-2.0-x", 4, Ssh),
            (b"{\"t\":\"hello\"}", 2, Json),
            (b"{\n", 2, Json),
            // A gob value without a definition; a definition of a type that both sides know.
            (b"\x05\x04", 2, Unknown),
            (b"\x05\x7d", 2, Unknown),
            (b"\x00", 1, Unknown),
            (b"\x80", 1, Unknown),
            (b"\xF7", 1, Unknown),
            (b"\x05\xF7", 2, Unknown),
            (b"hello", 2, Unknown),
            // No method of HTTP has these letters, or goes on so.
            (b"AB", 2, Unknown),
            (b"PUSH", 3, Unknown),
            (b"GEt", 3, Unknown),
            (b"GETS", 4, Unknown),
        ] {
            assert_eq!(told(bytes), Some((count, protocol)), "{bytes:x?}");
        }
    }

    #[test]
    fn eighteen_bytes_always_tell() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                for filling in [0, 1, b'A', 0x7F, 0xF8, 0xFF] {
                    let mut bytes = [filling; 18];
                    (bytes[0], bytes[1]) = (first, second);
                    let (count, protocol) = told(&bytes).unwrap();
                    let more = (count..=18).map(|count| sniff(&bytes[..count]));
                    assert!(more.into_iter().all(|told| told == Sniffed::Is(protocol)));
                }
            }
        }
    }
}
