//! Encodes long strings faster than `serde_json` does by itself.
//!
//! It checks the bytes of a string one by one; for a payload of a kilobyte that is most of the cost
//! of its call. A string without anything to escape, put between quotes, is raw JSON. So a long one
//! is checked many bytes at a time, and passed on as raw JSON.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::value::RawValue;

/// The length from which a string is long: below it two more copies cost more time than they save.
const LONG: usize = 128;

/// Wraps a value so that `serde_json` gets its long strings as raw JSON.
pub(super) struct Strings<'a, T: ?Sized> {
    value: &'a T,
    long: usize,
}

impl<'a, T: ?Sized> Strings<'a, T> {
    pub(super) fn of(value: &'a T) -> Self {
        Self { value, long: LONG }
    }
}

impl<T: Serialize + ?Sized> Serialize for Strings<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Through { inner: serializer, long: self.long })
    }
}

/// A serializer, or a part of one, that passes everything on to another.
struct Through<S> {
    inner: S,
    /// The length from which a string is long.
    long: usize,
}

/// Whether a string needs no escape in JSON.
fn is_plain(text: &str) -> bool {
    let is_escaped = |&byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\');
    // Without an early exit inside a chunk, so that the compiler can check a chunk as a whole.
    let has_no_escape =
        |chunk: &[u8]| chunk.iter().fold(0, |found, byte| found | u8::from(is_escaped(byte))) == 0;
    let (chunks, rest) = text.as_bytes().as_chunks::<64>();
    chunks.iter().all(|chunk| has_no_escape(chunk)) && has_no_escape(rest)
}

impl<S: Serializer> Through<S> {
    fn wrap<'a, T: ?Sized>(&self, value: &'a T) -> Strings<'a, T> {
        Strings { value, long: self.long }
    }

    fn compound<C>(long: usize, inner: Result<C, S::Error>) -> Result<Through<C>, S::Error> {
        inner.map(|inner| Through { inner, long })
    }
}

/// Methods that pass a value on.
macro_rules! pass {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

impl<S: Serializer> Serializer for Through<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Through<S::SerializeSeq>;
    type SerializeTuple = Through<S::SerializeTuple>;
    type SerializeTupleStruct = Through<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Through<S::SerializeTupleVariant>;
    type SerializeMap = Through<S::SerializeMap>;
    type SerializeStruct = Through<S::SerializeStruct>;
    type SerializeStructVariant = Through<S::SerializeStructVariant>;

    fn serialize_str(self, text: &str) -> Result<S::Ok, S::Error> {
        if text.len() >= self.long && is_plain(text) {
            let quoted = ["\"", text, "\""].concat();
            if let Ok(piece) = serde_json::from_str::<&RawValue>(&quoted) {
                return piece.serialize(self.inner);
            }
        }
        self.inner.serialize_str(text)
    }

    pass! {
        serialize_bool(bool) serialize_char(char) serialize_bytes(&[u8])
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_f32(f32) serialize_f64(f64) serialize_unit_struct(&'static str)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.wrap(value);
        self.inner.serialize_some(&value)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.wrap(value);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.wrap(value);
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Self::compound(self.long, self.inner.serialize_seq(len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Self::compound(self.long, self.inner.serialize_tuple(len))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Self::compound(self.long, self.inner.serialize_tuple_struct(name, len))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Self::compound(self.long, self.inner.serialize_tuple_variant(name, index, variant, len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Self::compound(self.long, self.inner.serialize_map(len))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        // Not a name in Rust: a type with a convention between it and its serializer, such as raw
        // JSON. Its text is no string.
        let long = if name.starts_with('$') { usize::MAX } else { self.long };
        Self::compound(long, self.inner.serialize_struct(name, len))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        Self::compound(self.long, self.inner.serialize_struct_variant(name, index, variant, len))
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Parts whose values have no names.
macro_rules! elements {
    ($($part:ident::$method:ident)*) => {
        $(impl<C: $part> $part for Through<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.inner.$method(&Strings { value, long: self.long })
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

/// Parts whose values have names.
macro_rules! fields {
    ($($part:ident)*) => {
        $(impl<C: $part> $part for Through<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.inner.serialize_field(name, &Strings { value, long: self.long })
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }

impl<C: SerializeMap> SerializeMap for Through<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        // Unwrapped: raw JSON can't be a key.
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.inner.serialize_value(&Strings { value, long: self.long })
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), C::Error> {
        self.inner.serialize_entry(key, &Strings { value, long: self.long })
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn is_written_as_ever<T: Serialize>(value: &T) {
        let written = serde_json::to_string(&Strings::of(value)).unwrap();
        assert_eq!(written, serde_json::to_string(value).unwrap());
    }

    #[test]
    fn whatever_is_to_be_escaped_is_found_wherever_it_is() {
        for length in [0, 1, LONG - 1, LONG, LONG + 1, 3 * LONG + 7] {
            // Behind a backslash it would be an escape.
            let plain = "n".repeat(length);
            is_written_as_ever(&plain);
            for place in 0..length {
                for byte in (0..0x20).chain(*b"\"\\ !#[]/\x7f") {
                    let mut text = plain.clone().into_bytes();
                    text[place] = byte;
                    is_written_as_ever(&String::from_utf8(text).unwrap());
                }
            }
        }
        is_written_as_ever(&"ä€😀".repeat(LONG));
    }

    #[derive(serde::Serialize)]
    struct Unit;

    #[derive(serde::Serialize)]
    struct Newtype(String);

    #[derive(serde::Serialize)]
    enum Variants {
        Unit,
        Newtype(String),
        Tuple(String, u8),
        Struct { text: String },
    }

    /// A map that serializes its keys and its values separately.
    struct OneByOne(String);

    impl Serialize for OneByOne {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_key(&self.0)?;
            map.serialize_value(&self.0)?;
            map.end()
        }
    }

    #[derive(serde::Serialize)]
    struct All {
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
        numbers: (bool, i8, i64, i128, u8, u64, u128, f32, f64, char),
        nothing: ((), Option<u8>, Unit),
        some: Option<String>,
        newtype: Newtype,
        variants: [Variants; 4],
        list: Vec<String>,
        map: BTreeMap<String, String>,
        one_by_one: OneByOne,
        displayed: std::net::Ipv6Addr,
        any: serde_json::Value,
    }

    #[test]
    fn every_kind_of_value_is_passed_on() {
        let text = || "0".repeat(LONG);
        is_written_as_ever(&All {
            left_out: None,
            numbers: (true, -1, i64::MIN, i128::MIN, 1, u64::MAX, u128::MAX, 0.1, f64::NAN, '"'),
            nothing: ((), None, Unit),
            some: Some(text()),
            newtype: Newtype(text()),
            variants: [
                Variants::Unit,
                Variants::Newtype(text()),
                Variants::Tuple(text(), 1),
                Variants::Struct { text: text() },
            ],
            list: vec![text(), String::new()],
            map: BTreeMap::from([(text(), text())]),
            one_by_one: OneByOne(text()),
            displayed: [0xffff; 8].into(),
            any: json!({ text(): [text(), 1, null] }),
        });
    }

    #[test]
    fn a_piece_of_json_is_no_string() {
        // None of these needs an escape, as the text of raw JSON.
        let long = [" ".repeat(LONG) + "1", format!("[{}]", ["1"; LONG].join(","))];
        for piece in long.map(|text| RawValue::from_string(text).unwrap()) {
            is_written_as_ever(&piece);
            is_written_as_ever(&[Some(piece)]);
        }
    }

    #[test]
    fn what_is_wrong_is_still_wrong() {
        let keys = BTreeMap::from([(vec!["0".repeat(LONG)], 1)]);
        let error = serde_json::to_string(&Strings::of(&keys)).unwrap_err();
        assert_eq!(error.to_string(), serde_json::to_string(&keys).unwrap_err().to_string());
    }
}
