//! Encodes with `serde_json`: long strings faster than it does by itself, and nothing that JSON doesn't
//! have.
//!
//! It checks the bytes of a string one by one; for a payload of a kilobyte that is most of the cost
//! of its call. A string without anything to escape, put between quotes, is raw JSON. So a long one
//! is checked many bytes at a time, and passed on as raw JSON.
//!
//! It writes `null` for a number that is infinite or none. The other side would decode that as
//! something else, or not at all, so it is an error here, which names the path.

mod parts;
#[cfg(test)]
mod tests;

use brpc_core::JsonError;
use serde::ser::{Error as _, Serialize, Serializer};
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
