//! The key at which a decoder stopped.

/// The last string that starts before a place in a JSON text, decoded.
///
/// An error about a key has its place inside of the key or right behind it.
pub(super) fn before(text: &str, line: usize, column: usize) -> Option<String> {
    let lines = text.split_inclusive('\n').take(line.checked_sub(1)?);
    let end = lines.map(str::len).sum::<usize>() + column;
    let (mut start, mut found) = (None, None);
    let mut is_escaped = false;
    for (place, byte) in text.bytes().enumerate() {
        match (start, byte) {
            _ if is_escaped => is_escaped = false,
            (Some(_), b'\\') => is_escaped = true,
            (Some(from), b'"') => (start, found) = (None, text.get(from..=place)),
            (None, b'"') if place < end => start = Some(place),
            (None, _) if place >= end => break,
            _ => {}
        }
    }
    serde_json::from_str(found?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_from_inside_and_from_behind() {
        let text = "{\"a\\\"b\": 1,\n \"c\": 2}";
        for (line, column, expected) in [
            (1, 1, None),
            (1, 2, Some("a\"b")),
            (1, 4, Some("a\"b")),
            (1, 7, Some("a\"b")),
            (2, 3, Some("c")),
            (0, 0, None),
            (9, 9, Some("c")),
        ] {
            assert_eq!(before(text, line, column).as_deref(), expected, "{line} {column}");
        }
    }
}
