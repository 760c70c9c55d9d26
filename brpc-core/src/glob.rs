//! Names with wildcards.

use std::str::Chars;

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
        let (mut pattern, mut name) = (self.0.chars(), name.chars());
        // What is behind the last `*`, and behind what that matches. Only that one is ever retried:
        // the earlier ones have found their first match, and a later match gains nothing.
        let mut star: Option<(Chars<'_>, Chars<'_>)> = None;
        loop {
            let place = name.clone();
            match (pattern.next(), name.next()) {
                (None, None) => return true,
                (Some('*'), _) => {
                    name = place;
                    star = Some((pattern.clone(), name.clone()));
                }
                (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {}
                _ => {
                    let Some((behind, upto)) = &mut star else { return false };
                    if upto.next().is_none() {
                        return false;
                    }
                    (pattern, name) = (behind.clone(), upto.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::new(pattern.to_owned()).matches(name)
    }

    /// The definition, written as such: slow, and plainly right.
    fn is_defined_to_match(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                (0..=name.len()).any(|taken| is_defined_to_match(rest, &name[taken..]))
            }
            (Some(('?', rest)), Some((_, left))) => is_defined_to_match(rest, left),
            (Some((wanted, rest)), Some((first, left))) => {
                wanted == first && is_defined_to_match(rest, left)
            }
            _ => false,
        }
    }

    /// All texts of these characters, up to a length.
    fn texts(alphabet: &str, longest: usize) -> Vec<String> {
        let mut texts = vec![String::new()];
        let mut start = 0;
        for _ in 0..longest {
            let end = texts.len();
            for place in start..end {
                for character in alphabet.chars() {
                    texts.push(format!("{}{character}", texts[place]));
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
        assert!(matches("Gr??e", "Größe"), "characters and not bytes");
        assert!(!matches("Gr????e", "Größe"));
        assert!(matches("*", "x"));
        assert!(matches("**a**", "bab"));
        assert!(!matches("", "x"));
        assert!(!matches("[a-z]", "a"), "nothing else is special");
    }

    #[test]
    fn it_is_as_defined() {
        let characters = |text: &str| -> Vec<char> { text.chars().collect() };
        let names = texts("aö", 5);
        for pattern in texts("aö*?", 5) {
            for name in &names {
                let expected = is_defined_to_match(&characters(&pattern), &characters(name));
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
