//! Keys and values that go along with a call or with its answer.

use std::fmt;

use crate::limits::{MAX_METADATA_BYTES, MAX_METADATA_ENTRIES};

/// Keys and values that go along with a call or with its answer, in the order in which they were
/// added. A key may occur several times.
///
/// At most 64 pairs and 8 KiB of keys and values together can be sent.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Metadata {
    /// `None` if there are none, as in nearly every call, so that it takes one word there.
    pairs: Option<Box<Pairs>>,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Pairs(Vec<(String, String)>);

impl Metadata {
    /// No pairs.
    pub const fn new() -> Self {
        Self { pairs: None }
    }

    /// The value of a key; of the first pair that has it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Appends a pair.
    pub fn push(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.pairs.get_or_insert_default().0.push((key.into(), value.into()));
    }

    /// Removes the last pair.
    pub fn pop(&mut self) -> Option<(String, String)> {
        let Pairs(pairs) = self.pairs.as_deref_mut()?;
        let last = pairs.pop();
        if pairs.is_empty() {
            self.pairs = None;
        }
        last
    }

    /// The pairs.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.pairs().iter())
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_none()
    }

    fn pairs(&self) -> &[(String, String)] {
        self.pairs.as_deref().map_or(&[], |Pairs(pairs)| pairs)
    }

    /// Whether the pairs are within the limits, so that they can be sent.
    pub fn is_sendable(&self) -> bool {
        let bytes = self.iter().map(|(key, value)| key.len() + value.len());
        self.len() <= MAX_METADATA_ENTRIES && bytes.sum::<usize>() <= MAX_METADATA_BYTES
    }
}

/// The pairs of [`Metadata`].
#[derive(Clone, Debug)]
pub struct Iter<'a>(std::slice::Iter<'a, (String, String)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Metadata {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut metadata = Self::new();
        metadata.extend(pairs);
        metadata
    }
}

impl<K: Into<String>, V: Into<String>> Extend<(K, V)> for Metadata {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        pairs.into_iter().for_each(|(key, value)| self.push(key, value));
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_key_counts() {
        let metadata: Metadata = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!((metadata.get("a"), metadata.get("c")), (Some("1"), None));
        assert_eq!(metadata.iter().last(), Some(("a", "3")));
    }

    #[test]
    fn what_can_be_sent_has_bounds() {
        let of = |pairs: usize, value: usize| -> Metadata {
            std::iter::repeat_n(("k", "v".repeat(value)), pairs).collect()
        };
        assert!(of(64, 127).is_sendable());
        assert!(!of(65, 0).is_sendable());
        assert!(of(1, 8191).is_sendable() && !of(1, 8192).is_sendable());
    }
}
