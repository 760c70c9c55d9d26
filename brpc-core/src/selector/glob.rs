//! Names with wildcards.

/// A name, or a pattern for names: `*` matches any characters, also none, `?` exactly one, and
/// every other character matches itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Glob(String);

impl Glob {
    pub(crate) fn new(pattern: String) -> Self {
        Self(pattern)
    }

    pub(crate) fn pattern(&self) -> &str {
        &self.0
    }

    /// Whether the pattern matches this name.
    ///
    /// It takes no more steps than the product of both lengths. A plugin's name has at most 128
    /// bytes, so that is linear in the pattern.
    pub(crate) fn matches(&self, name: &str) -> bool {
        // Bytes suffice: a name is ASCII.
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut place) = (0, 0);
        // The position behind the last `*`, and the end of what it matches. Only that one is ever
        // retried: the earlier ones have found their first match, and a later match gains nothing.
        let mut star = None;
        while place < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    at += 1;
                    star = Some((at, place));
                }
                Some(&wanted) if wanted == b'?' || wanted == name[place] => {
                    at += 1;
                    place += 1;
                }
                _ => {
                    let Some((behind, upto)) = star else { return false };
                    star = Some((behind, upto + 1));
                    (at, place) = (behind, upto + 1);
                }
            }
        }
        pattern[at..].iter().all(|&byte| byte == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::new(pattern.to_owned()).matches(name)
    }

    /// The definition, written as such: slow, and plainly right.
    fn is_defined_to_match(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                (0..=name.len()).any(|taken| is_defined_to_match(rest, &name[taken..]))
            }
            (Some((b'?', rest)), Some((_, left))) => is_defined_to_match(rest, left),
            (Some((byte, rest)), Some((first, left))) => {
                byte == first && is_defined_to_match(rest, left)
            }
            _ => false,
        }
    }

    /// All texts of these characters, up to a length.
    fn texts(alphabet: &[u8], longest: usize) -> Vec<String> {
        let mut texts = vec![String::new()];
        let mut start = 0;
        for _ in 0..longest {
            let end = texts.len();
            for place in start..end {
                for &byte in alphabet {
                    texts.push(format!("{}{}", texts[place], char::from(byte)));
                }
            }
            start = end;
        }
        texts
    }

    #[test]
    fn names_and_patterns() {
        assert!(matches("edge-1", "edge-1"));
        assert!(!matches("edge-1", "edge-12"));
        assert!(!matches("edge-12", "edge-1"));
        assert!(!matches("Edge-1", "edge-1"), "case counts");
        assert!(matches("edge-*", "edge-"));
        assert!(matches("edge-*.eu", "edge-1.us.eu"));
        assert!(!matches("edge-*.eu", "edge-1.us"));
        assert!(matches("edge-?", "edge-7"));
        assert!(!matches("edge-?", "edge-"));
        assert!(!matches("edge-?", "edge-17"));
        assert!(matches("*", "x"));
        assert!(matches("**a**", "bab"));
        assert!(!matches("", "x"));
        assert!(!matches("[a-z]", "a"), "nothing else is special");
    }

    #[test]
    fn it_is_as_defined() {
        let names = texts(b"ab", 5);
        for pattern in texts(b"ab*?", 5) {
            for name in &names {
                let expected = is_defined_to_match(pattern.as_bytes(), name.as_bytes());
                assert_eq!(matches(&pattern, name), expected, "{pattern:?} {name:?}");
            }
        }
    }

    /// A matcher that tries every star again would not end.
    #[test]
    fn many_stars_take_no_longer() {
        assert!(!matches(&"*a".repeat(10_000), &"a".repeat(127)));
        assert!(!matches(&format!("{}b", "*a".repeat(60)), &"a".repeat(128)));
        assert!(matches(&"*a".repeat(60), &"a".repeat(128)));
    }
}
