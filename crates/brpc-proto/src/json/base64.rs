//! Base64 as Go writes bytes: the standard alphabet, with padding.

/// The bytes of a text in base64; `None` if it isn't.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.chunks(4) {
        let mut bits = 0;
        for digit in group {
            bits = bits << 6 | value(*digit)?;
        }
        bits <<= 6 * (4 - group.len());
        // Two digits have one byte, three have two, four have three.
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 4648, and all digits.
    #[test]
    fn bytes_of_every_length() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg==", b"foob"),
            ("Zm9vYmE=", b"fooba"),
            ("Zm9vYmFy", b"foobar"),
            ("AQI=", &[1, 2]),
            ("+/8=", &[0xFB, 0xFF]),
        ] {
            assert_eq!(decode(text).as_deref(), Some(bytes), "{text}");
        }
        let all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bytes = decode(all).unwrap();
        let bit = |n: usize| bytes[n / 8] >> (7 - n % 8) & 1;
        for digit in 0..64 {
            let value = (0..6).fold(0, |value, n| value << 1 | usize::from(bit(6 * digit + n)));
            assert_eq!(value, digit);
        }
    }

    #[test]
    fn what_is_none() {
        for text in
            ["Zg", "Zg=", "Z===", "====", "Zm9v=", "Zm=v", "Zm9\u{2028}", "Zm-_", "Zm 9", "ä"]
        {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
