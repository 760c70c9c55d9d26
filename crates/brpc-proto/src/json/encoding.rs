//! Encodes with `serde_json`: long strings faster than it does by itself, and nothing that JSON doesn't
//! have.
//!
//! It checks the bytes of a string one by one; for a payload of a kilobyte that is most of the cost
//! of its call. A string without anything to escape, put between quotes, is raw JSON. So a long one
//! is checked many bytes at a time, and passed on as raw JSON.
//!
//! It writes `null` for a number that is infinite or none. The other side would decode that as
//! something else, or not at all, so it is an error here, which names the path.

use brpc_core::JsonError;
use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::value::RawValue;

use super::trace::Trace;

/// The length from which a string is long: below it two more copies cost more time than they save.
const LONG: usize = 128;

/// Encodes a value as JSON behind what is in a buffer.
///
/// # Errors
/// The error of `serde_json`, or the path of a number that JSON doesn't have.
pub(super) fn encode_into<T: Serialize + ?Sized>(
    buffer: &mut Vec<u8>,
    value: &T,
) -> Result<(), JsonError> {
    let trace = Trace::default();
    let here = Here { long: LONG, trace: &trace };
    serde_json::to_writer(buffer, &here.wrap(value)).map_err(|error| match trace.path() {
        Some(path) => JsonError::at(path, error.to_string()),
        None => JsonError::whole(error.to_string()),
    })
}

/// What holds for a part of a value, and all that is in it.
#[derive(Clone, Copy)]
struct Here<'t> {
    /// The length from which a string is long.
    long: usize,
    /// Gets the path of a number that JSON doesn't have.
    trace: &'t Trace,
}

impl<'t> Here<'t> {
    fn wrap<T: ?Sized>(self, value: &T) -> Wrapped<'_, 't, T> {
        Wrapped { value, here: self }
    }

    fn of<C, E>(
        self,
        variant: Option<&'static str>,
        inner: Result<C, E>,
    ) -> Result<Through<'t, C>, E> {
        inner.map(|inner| Through { inner, here: self, index: 0, variant })
    }
}

/// A value whose serializer is one of ours.
struct Wrapped<'a, 't, T: ?Sized> {
    value: &'a T,
    here: Here<'t>,
}

impl<T: Serialize + ?Sized> Serialize for Wrapped<'_, '_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let here = self.here;
        self.value.serialize(Through { inner: serializer, here, index: 0, variant: None })
    }
}

/// A serializer, or a part of one, that passes everything on to another.
struct Through<'t, S> {
    inner: S,
    here: Here<'t>,
    /// How many elements have been passed on.
    index: usize,
    /// The name of a variant whose parts these are.
    variant: Option<&'static str>,
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

impl<C> Through<'_, C> {
    /// An element or field can't be encoded.
    #[cold]
    fn leave(&self, step: impl FnOnce(&Trace)) {
        step(self.here.trace);
        if let Some(variant) = self.variant {
            self.here.trace.member(variant);
        }
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

/// Methods that pass a number on if JSON has it.
macro_rules! pass_finite {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            if value.is_finite() {
                return self.inner.$method(value);
            }
            self.here.trace.start();
            Err(S::Error::custom(format_args!("JSON has no number for {value}")))
        })*
    };
}

impl<'t, S: Serializer> Serializer for Through<'t, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Through<'t, S::SerializeSeq>;
    type SerializeTuple = Through<'t, S::SerializeTuple>;
    type SerializeTupleStruct = Through<'t, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Through<'t, S::SerializeTupleVariant>;
    type SerializeMap = Through<'t, S::SerializeMap>;
    type SerializeStruct = Through<'t, S::SerializeStruct>;
    type SerializeStructVariant = Through<'t, S::SerializeStructVariant>;

    fn serialize_str(self, text: &str) -> Result<S::Ok, S::Error> {
        if text.len() >= self.here.long && is_plain(text) {
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
        serialize_unit_struct(&'static str)
    }

    pass_finite! { serialize_f32(f32) serialize_f64(f64) }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.here.wrap(value);
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
        let value = self.here.wrap(value);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.here.wrap(value);
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
            .inspect_err(|_| self.here.trace.member(variant))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.here.of(None, self.inner.serialize_seq(len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.here.of(None, self.inner.serialize_tuple(len))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.here.of(None, self.inner.serialize_tuple_struct(name, len))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.here.of(Some(variant), self.inner.serialize_tuple_variant(name, index, variant, len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.here.of(None, self.inner.serialize_map(len))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        // Not a name in Rust: a type with a convention between it and its serializer, such as raw
        // JSON. Its text is no string.
        let long = if name.starts_with('$') { usize::MAX } else { self.here.long };
        Here { long, ..self.here }.of(None, self.inner.serialize_struct(name, len))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.here.of(Some(variant), self.inner.serialize_struct_variant(name, index, variant, len))
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
        $(impl<C: $part> $part for Through<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let index = self.index;
                self.index += 1;
                self.inner
                    .$method(&self.here.wrap(value))
                    .inspect_err(|_| self.leave(|trace| trace.element(index)))
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
        $(impl<C: $part> $part for Through<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.inner
                    .serialize_field(name, &self.here.wrap(value))
                    .inspect_err(|_| self.leave(|trace| trace.member(name)))
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

impl<C: SerializeMap> SerializeMap for Through<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        // Unwrapped: raw JSON can't be a key.
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let index = self.index;
        self.index += 1;
        // Its key is gone.
        self.inner
            .serialize_value(&self.here.wrap(value))
            .inspect_err(|_| self.leave(|trace| trace.element(index)))
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), C::Error> {
        self.inner
            .serialize_entry(key, &self.here.wrap(value))
            .inspect_err(|_| self.leave(|trace| trace.entry(key)))
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
        let mut written = Vec::new();
        encode_into(&mut written, value).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(value).unwrap());
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
            numbers: (true, -1, i64::MIN, i128::MIN, 1, u64::MAX, u128::MAX, 0.1, -0.5, '"'),
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
        let error = encode_into(&mut Vec::new(), &keys).unwrap_err();
        assert_eq!(error, JsonError::whole(serde_json::to_string(&keys).unwrap_err().to_string()));
    }

    #[test]
    fn a_number_that_json_does_not_have_is_an_error_with_its_path() {
        #[derive(serde::Serialize)]
        enum Sample {
            Bare(f64),
            Pair(u8, f32),
            Named { value: Option<f64> },
        }
        #[derive(serde::Serialize)]
        struct Samples {
            list: Vec<Sample>,
            #[serde(flatten)]
            rest: BTreeMap<u8, f64>,
        }
        fn fails<T: Serialize>(value: &T, path: &str, number: &str) {
            let error = encode_into(&mut Vec::new(), value).unwrap_err();
            assert_eq!(error, JsonError::at(path, format!("JSON has no number for {number}")));
        }
        let samples = |sample| Samples { list: vec![Sample::Bare(0.0), sample], rest: [].into() };
        fails(&f64::NAN, ".", "NaN");
        fails(&[[0.5, f32::NEG_INFINITY]], "[0][1]", "-inf");
        fails(&samples(Sample::Bare(f64::INFINITY)), "list[1].Bare", "inf");
        fails(&samples(Sample::Pair(1, f32::NAN)), "list[1].Pair[1]", "NaN");
        fails(&samples(Sample::Named { value: Some(f64::NAN) }), "list[1].Named.value", "NaN");
        let rest = BTreeMap::from([(1, 0.5), (2, f64::NAN)]);
        fails(&Samples { list: Vec::new(), rest }, "2", "NaN");
        is_written_as_ever(&(f64::MAX, f32::MIN_POSITIVE, None::<f64>));
    }
}
