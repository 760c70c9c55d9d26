//! Lists in headers.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list of at most `MAX` elements. They are counted while they are decoded, since an element of
/// two bytes takes up to 32 in memory.
#[derive(Debug, PartialEq)]
pub(crate) struct List<T, const MAX: usize>(pub(crate) Vec<T>);

impl<T: Serialize, const MAX: usize> Serialize for List<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Counting(PhantomData))
    }
}

struct Counting<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Counting<T, MAX> {
    type Value = List<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(MAX));
        while let Some(element) = seq.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            list.push(element);
        }
        Ok(List(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h16_elements_are_counted_and_the_last_that_is_allowed_passes() {
        let decoded = |bytes: &[u8]| postcard::from_bytes::<List<u8, 3>>(bytes).ok();
        assert_eq!(decoded(&[0]), Some(List(vec![])));
        assert_eq!(decoded(&[3, 7, 8, 9]), Some(List(vec![7, 8, 9])));
        assert_eq!(decoded(&[4, 7, 8, 9, 10]), None);
        assert_eq!(decoded(&[3, 7, 8]), None);
        assert_eq!(postcard::to_stdvec(&List::<u8, 3>(vec![7, 8])).unwrap(), [2, 7, 8]);
    }
}
