//! Bounds values of any shape while they are decoded.
//!
//! Whatever takes any JSON, such as a [`serde_json::Value`], may take many times the bytes of its
//! text. It asks the decoder for any value, once for each; a type of the user's own asks for what it
//! is. So only that is counted.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{MAX_DEPTH, MAX_NODES};

/// A decoder, or a part of one, that passes everything on to another.
pub(super) struct Bounded<'b, D> {
    inner: D,
    here: Here<'b>,
}

/// What is left at a place.
#[derive(Clone, Copy)]
struct Here<'b> {
    /// Of all values of any shape.
    values: &'b Cell<usize>,
    /// How many of them may nest here.
    levels: usize,
}

impl<'b, D> Bounded<'b, D> {
    /// Decodes with another decoder, and at most so many values of any shape.
    pub(super) fn new(inner: D, values: &'b Cell<usize>) -> Self {
        Self { inner, here: Here { values, levels: MAX_DEPTH } }
    }
}

impl<'b> Here<'b> {
    /// A value of any shape.
    fn take_value<E: Error>(self) -> Result<(), E> {
        let left = self.values.get().checked_sub(1);
        self.values.set(left.unwrap_or_default());
        left.ok_or_else(|| {
            E::custom(format_args!("more than {MAX_NODES} values of any shape; {OWN_TYPE}"))
        })
        .map(drop)
    }

    /// An array or object in a value of any shape.
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| {
            E::custom(format_args!(
                "values of any shape nested more than {MAX_DEPTH} levels deep; {OWN_TYPE}"
            ))
        })?;
        Ok(Self { levels, ..self })
    }

    fn wrap<D>(self, inner: D) -> Bounded<'b, D> {
        Bounded { inner, here: self }
    }
}

/// The way out.
const OWN_TYPE: &str = "a type of its own, or raw JSON, has no such limit";

/// Methods that pass a visitor on.
macro_rules! pass {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let Self { inner, here } = self;
            inner.$method($($name,)* Visiting { visitor, here, is_any: false })
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let Self { inner, here } = self;
        here.take_value()?;
        inner.deserialize_any(Visiting { visitor, here, is_any: true })
    }

    pass! {
        deserialize_bool() deserialize_char() deserialize_str() deserialize_string()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_bytes() deserialize_byte_buf()
        deserialize_option() deserialize_unit() deserialize_seq() deserialize_map()
        deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor that gets parts of which the values are counted.
struct Visiting<'b, V> {
    visitor: V,
    here: Here<'b>,
    /// Whether it takes any shape.
    is_any: bool,
}

impl<'b, V> Visiting<'b, V> {
    /// The place inside of an array or object.
    fn inside<E: Error>(&self) -> Result<Here<'b>, E> {
        if self.is_any { self.here.deeper() } else { Ok(self.here) }
    }
}

/// Methods that pass a value on.
macro_rules! visit {
    ($($method:ident($type:ty))*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Visiting<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visit! {
        visit_bool(bool) visit_char(char) visit_str(&str) visit_borrowed_str(&'de str)
        visit_string(String) visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(self.here.wrap(inner))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(self.here.wrap(inner))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let here = self.inside()?;
        self.visitor.visit_seq(here.wrap(inner))
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let here = self.inside()?;
        self.visitor.visit_map(here.wrap(inner))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(self.here.wrap(inner))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(self.here.wrap(inner))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(self.here.wrap(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(self.here.wrap(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(self.here.wrap(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'b, A> {
    type Error = A::Error;
    type Variant = Bounded<'b, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.inner.variant_seed(self.here.wrap(seed))?;
        Ok((value, self.here.wrap(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(self.here.wrap(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let Self { inner, here } = self;
        inner.tuple_variant(len, Visiting { visitor, here, is_any: false })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let Self { inner, here } = self;
        inner.struct_variant(fields, Visiting { visitor, here, is_any: false })
    }
}
