//! What becomes of a value, by what the type asks for.

use std::fmt;
use std::iter::empty;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::Go;
use super::bytes::Bytes;
use crate::json::base64;

/// What a type asks for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Nothing,
    List,
    Map,
    Bytes,
    /// Anything else; it is passed on as it is.
    Other,
}

/// A visitor of JSON that Go has written.
pub(super) struct Visit<V> {
    pub(super) visitor: V,
    pub(super) wanted: Wanted,
}

/// The visitor of a type that asks for anything else.
pub(super) fn other<V>(visitor: V) -> Visit<V> {
    Visit { visitor, wanted: Wanted::Other }
}

/// Visits of a value without parts.
macro_rules! visit {
    ($($method:ident: $type:ty;)+) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )+};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Visit<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visit! {
        visit_bool: bool;
        visit_i64: i64;
        visit_i128: i128;
        visit_u64: u64;
        visit_u128: u128;
        visit_f64: f64;
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        let bytes = match self.wanted {
            Wanted::List | Wanted::Bytes => base64::decode(text),
            Wanted::Nothing | Wanted::Map | Wanted::Other => None,
        };
        match (bytes, self.wanted) {
            (Some(bytes), Wanted::Bytes) => self.visitor.visit_byte_buf(bytes),
            (Some(bytes), _) => self.visitor.visit_seq(Bytes::new(bytes, text)),
            (None, _) => self.visitor.visit_str(text),
        }
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Go(inner))
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        match self.wanted {
            Wanted::List => self.visitor.visit_seq(SeqDeserializer::new(empty::<()>())),
            Wanted::Map => self.visitor.visit_map(MapDeserializer::new(empty::<((), ())>())),
            Wanted::Bytes => self.visitor.visit_byte_buf(Vec::new()),
            Wanted::Nothing | Wanted::Other => self.visitor.visit_unit(),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Go(inner))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Go(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<V::Value, A::Error> {
        if !matches!(self.wanted, Wanted::Nothing) {
            return self.visitor.visit_map(Go(members));
        }
        match members.next_key::<IgnoredAny>()? {
            None => self.visitor.visit_unit(),
            Some(_) => Err(A::Error::invalid_type(Unexpected::Map, &self.visitor)),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(Go(variant))
    }
}
