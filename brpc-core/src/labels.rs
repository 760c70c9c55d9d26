//! Labels: keys and values that say where or what a plugin is, by which a hub selects plugins.

use std::fmt;

use crate::name::{is_label_key, is_label_value};

/// The most labels of one plugin.
pub const MAX_LABELS: usize = 32;

/// The most bytes of one plugin's labels, all keys and values together. Half of a `Hello`, so that
/// the rest fits too.
pub const MAX_LABEL_BYTES: usize = 2 * 1024;

/// The labels of a plugin, checked against every rule. An empty set allocates nothing.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Labels(Box<[Label]>);

/// A key and its value.
type Label = (Box<str>, Box<str>);

/// What is wrong with the labels of a plugin.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// More labels than are allowed.
    #[error("more than {MAX_LABELS} labels")]
    TooMany,
    /// More bytes than are allowed.
    #[error("keys and values have {size} bytes, and the limit is {MAX_LABEL_BYTES}")]
    TooLarge {
        /// The bytes of all keys and values.
        size: usize,
    },
    /// A key breaks the rule.
    #[error("label number {index}: {}", crate::name::LABEL_KEY_RULE)]
    BadKey {
        /// Which label, from 0, in the order of the keys.
        index: usize,
    },
    /// A value breaks the rule.
    #[error("label `{key}`: {}", crate::name::LABEL_VALUE_RULE)]
    BadValue {
        /// The label's key.
        key: String,
    },
    /// Two labels have the same key.
    #[error("two labels have the key `{key}`")]
    Duplicate {
        /// The key.
        key: String,
    },
    /// On the wire, the keys are not in ascending order.
    #[error("the keys are not in ascending order: `{key}` comes after a higher one")]
    Unsorted {
        /// The first key that is out of order.
        key: String,
    },
    /// A plugin has sent its labels twice.
    #[error("they were sent twice")]
    Repeated,
    /// The bytes don't decode as a list of keys and values.
    #[error("the bytes are not a list of keys and values")]
    Malformed,
}

impl Labels {
    /// These keys and values, in any order.
    ///
    /// # Errors
    /// The limit or rule that they break.
    pub fn new<K, V>(labels: impl IntoIterator<Item = (K, V)>) -> Result<Self, LabelError>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let given: Vec<(K, V)> = labels.into_iter().collect();
        let mut sorted: Vec<(&str, &str)> =
            given.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        sorted.sort_unstable_by_key(|label| label.0);
        Self::from_sorted(&sorted)
    }

    /// Checks labels that are sorted by their keys.
    fn from_sorted(labels: &[(&str, &str)]) -> Result<Self, LabelError> {
        if labels.len() > MAX_LABELS {
            return Err(LabelError::TooMany);
        }
        for (index, &(key, value)) in labels.iter().enumerate() {
            if !is_label_key(key) {
                return Err(LabelError::BadKey { index });
            }
            if !is_label_value(value) {
                return Err(LabelError::BadValue { key: key.to_owned() });
            }
        }
        if let Some(pair) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(LabelError::Duplicate { key: pair[0].0.to_owned() });
        }
        let size = labels.iter().map(|(key, value)| key.len() + value.len()).sum();
        if size > MAX_LABEL_BYTES {
            return Err(LabelError::TooLarge { size });
        }
        Ok(Self(labels.iter().map(|&(key, value)| (key.into(), value.into())).collect()))
    }

    /// The value of a label; `None` if there is none of that key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.binary_search_by(|label| (*label.0).cmp(key));
        found.ok().map(|place| &*self.0[place].1)
    }

    /// All keys and values, in the order of the keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_key_and_listed_in_order() {
        let labels = Labels::new([("zone", "b"), ("region", "eu"), ("tier", "")]).unwrap();
        assert_eq!(labels.get("region"), Some("eu"));
        assert_eq!(labels.get("tier"), Some(""));
        assert_eq!(labels.get("rack"), None);
        let listed: Vec<_> = labels.iter().collect();
        assert_eq!(listed, [("region", "eu"), ("tier", ""), ("zone", "b")]);
    }

    #[test]
    fn what_breaks_a_rule() {
        let one = |key: &str, value: &str| Labels::new([(key, value)]).map(drop);
        assert_eq!(one("", "x"), Err(LabelError::BadKey { index: 0 }));
        assert_eq!(one("a b", "x"), Err(LabelError::BadKey { index: 0 }));
        assert_eq!(one("key", "a\n"), Err(LabelError::BadValue { key: "key".to_owned() }));
        let twice = Labels::new([("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!(twice, Err(LabelError::Duplicate { key: "a".to_owned() }));
    }

    #[test]
    fn labels_are_counted_and_so_are_their_bytes() {
        let many =
            |count: u32| Labels::new((0..count).map(|number| (format!("k{number:02}"), "v")));
        assert!(many(32).is_ok());
        assert_eq!(many(33), Err(LabelError::TooMany));
        // 16 of 128 bytes each.
        let large = |last: usize| {
            let size = |number| if number == 15 { last } else { 125 };
            Labels::new((0..16).map(|number| (format!("k{number:02}"), "v".repeat(size(number)))))
        };
        assert!(large(125).is_ok());
        assert_eq!(large(126), Err(LabelError::TooLarge { size: 2_049 }));
    }
}
