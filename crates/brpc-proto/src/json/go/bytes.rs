//! A text in base64 as the list of its bytes.

use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

/// The bytes of a text in base64. Of a list of anything else the text is no form: that shows when
/// its first element is asked for, so only an empty text is any empty list.
pub(super) struct Bytes<'a, E> {
    left: std::vec::IntoIter<u8>,
    text: &'a str,
    error: PhantomData<E>,
}

impl<'a, E> Bytes<'a, E> {
    /// These bytes, which are in this text.
    pub(super) fn new(bytes: Vec<u8>, text: &'a str) -> Self {
        Self { left: bytes.into_iter(), text, error: PhantomData }
    }
}

impl<'de, E: Error> SeqAccess<'de> for Bytes<'_, E> {
    type Error = E;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, E> {
        let Some(value) = self.left.next() else { return Ok(None) };
        seed.deserialize(Byte { value, text: self.text, error: PhantomData }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// One of the bytes, for a type that asks for a `u8`.
struct Byte<'a, E> {
    value: u8,
    text: &'a str,
    error: PhantomData<E>,
}

impl<'de, E: Error> Deserializer<'de> for Byte<'_, E> {
    type Error = E;

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_u8(self.value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, E> {
        Err(E::invalid_type(Unexpected::Str(self.text), &"a sequence"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
