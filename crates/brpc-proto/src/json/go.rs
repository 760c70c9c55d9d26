//! JSON as Go's `encoding/json` writes it, where that differs from what types of `serde` expect:
//!
//! | Go | JSON | becomes |
//! |---|---|---|
//! | `struct{}{}` | `{}` | `()`, where that is wanted |
//! | a slice or a map that is nil | `null` | an empty list or map |
//! | `[]byte{1, 2}` | `"AQI="` | the list of the bytes |
//!
//! What is wanted decides, and not what is there: a [`serde_json::Value`] stays as it is, and an
//! `Option` is `None` for `null`. What `serde` keeps aside before it knows the type (in an untagged
//! or internally tagged enum, or in a flattened field) is decoded as ever.

use std::fmt;
use std::iter::empty;
use std::marker::PhantomData;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::base64;

/// A deserializer, a part of one, or a seed, of JSON that Go has written.
pub(super) struct Go<T>(pub(super) T);

/// What a type asks for.
#[derive(Clone, Copy)]
enum Wanted {
    Nothing,
    List,
    Map,
    Bytes,
    /// Anything else; it is passed on as it is.
    Other,
}

/// A visitor of JSON that Go has written.
struct Visit<V> {
    visitor: V,
    wanted: Wanted,
}

/// Methods that ask for a value without parts.
macro_rules! pass_on {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(visitor)
        }
    )+};
}

/// Methods that ask for what Go may write in another way.
macro_rules! ask {
    ($($method:ident($($argument:ident: $type:ty),*): $wanted:ident;)+) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($argument: $type,)*
            visitor: V,
        ) -> Result<V::Value, D::Error> {
            $(let _ = $argument;)*
            self.0.deserialize_any(Visit { visitor, wanted: Wanted::$wanted })
        }
    )+};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Go<D> {
    type Error = D::Error;

    pass_on! {
        deserialize_bool deserialize_char deserialize_str deserialize_string
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_identifier deserialize_ignored_any
    }

    ask! {
        deserialize_any(): Other;
        deserialize_unit(): Nothing;
        deserialize_unit_struct(name: &'static str): Nothing;
        deserialize_seq(): List;
        deserialize_tuple(len: usize): List;
        deserialize_tuple_struct(name: &'static str, len: usize): List;
        deserialize_map(): Map;
        deserialize_bytes(): Bytes;
        deserialize_byte_buf(): Bytes;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(other(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, other(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, other(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, other(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

fn other<V>(visitor: V) -> Visit<V> {
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
            (Some(bytes), _) => {
                let (left, error) = (bytes.into_iter(), PhantomData);
                self.visitor.visit_seq(Bytes { left, text, error })
            }
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

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Go<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Go(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Go<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Go(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Go<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Go(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Go<A> {
    type Error = A::Error;
    type Variant = Go<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, variant) = self.0.variant_seed(seed)?;
        Ok((name, Go(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Go<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Go(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, other(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, other(visitor))
    }
}

/// The bytes of a text in base64. Of a list of anything else the text is no form: that shows when
/// its first element is asked for, so only an empty text is any empty list.
struct Bytes<'a, E> {
    left: std::vec::IntoIter<u8>,
    text: &'a str,
    error: PhantomData<E>,
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet, HashMap};

    use brpc_core::{Dialect, JsonError};
    use serde::de::{Deserialize, DeserializeOwned};
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;
    use crate::json::{decode, decode_in};

    fn of_go<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
        decode_in(Dialect::Go, text.as_bytes())
    }

    /// What a text is in Go's dialect, and it is none in the other.
    #[track_caller]
    fn only_of_go<T: DeserializeOwned + fmt::Debug + PartialEq>(text: &str, value: T) {
        assert_eq!(of_go::<T>(text), Ok(value));
        assert!(decode::<T>(text.as_bytes()).is_err(), "not everywhere");
    }

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Unit;

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Wrapped(Vec<u8>);

    #[derive(Debug, serde::Deserialize, PartialEq)]
    enum Choice {
        One(Vec<u8>),
        Two(Vec<u8>, ()),
        Named { map: BTreeMap<String, u8> },
        Plain,
    }

    #[derive(Debug, Default, serde::Deserialize, PartialEq)]
    struct All {
        nothing: (),
        list: Vec<String>,
        set: BTreeSet<i8>,
        map: HashMap<String, Vec<u8>>,
        maybe: Option<Vec<u8>>,
        bytes: Vec<u8>,
        nested: Vec<Vec<u8>>,
    }

    #[test]
    fn nothing_is_an_empty_struct() {
        only_of_go("{}", ());
        only_of_go(" { } ", Unit);
        only_of_go("[{}, null]", ((), ()));
        assert_eq!(of_go::<()>("null"), Ok(()));
        assert_eq!(of_go::<()>(""), Ok(()));
        assert_eq!(
            of_go::<()>(r#"{"a":1}"#).unwrap_err().message,
            "invalid type: map, expected unit"
        );
        assert!(of_go::<()>("[]").is_err());
        assert!(of_go::<u8>("{}").is_err());
    }

    #[test]
    fn null_is_an_empty_list_or_map() {
        only_of_go("null", Vec::<String>::new());
        only_of_go("null", BTreeMap::<u8, u8>::new());
        only_of_go("[null, [[1]]]", vec![vec![], vec![vec![1_u64]]]);
        only_of_go("null", Wrapped(vec![]));
        only_of_go(r#"{"a":null}"#, BTreeMap::from([("a".to_owned(), BTreeSet::<u8>::new())]));
        assert_eq!(of_go::<Option<Vec<u8>>>("null"), Ok(None));
        assert!(of_go::<String>("null").is_err());
        assert!(of_go::<[u8; 2]>("null").is_err());
    }

    #[test]
    fn bytes_are_in_base64() {
        only_of_go(r#""AQI=""#, vec![1_u8, 2]);
        only_of_go(r#""AQI=""#, [1_u8, 2]);
        only_of_go(r#""AQI=""#, Some(Wrapped(vec![1, 2])));
        only_of_go(r#"[["AQI="], null]"#, vec![vec![vec![1_u8, 2]], vec![]]);
        only_of_go(r#""""#, Vec::<u8>::new());
        assert_eq!(of_go::<Vec<u8>>("[1,2]"), Ok(vec![1, 2]));
        assert_eq!(of_go::<String>(r#""AQI=""#), Ok("AQI=".to_owned()));
        assert!(of_go::<[u8; 3]>(r#""AQI=""#).is_err());
        let expected = "invalid type: string \"AQI=\", expected a sequence";
        assert_eq!(of_go::<Vec<u64>>(r#""AQI=""#).unwrap_err().message, expected);
        assert_eq!(of_go::<Vec<Value>>(r#""AQI=""#).unwrap_err().message, expected);
        assert_eq!(of_go::<Vec<String>>(r#""AQI=""#).unwrap_err().message, expected);
        let no_base64 = of_go::<Vec<u8>>(r#""AQ""#).unwrap_err().message;
        assert_eq!(no_base64, "invalid type: string \"AQ\", expected a sequence");
    }

    /// Its bytes, and not those of its text.
    #[test]
    fn types_that_ask_for_bytes_get_them() {
        assert_eq!(of_go(r#""AQI=""#), Ok(bytes(vec![1, 2])));
        assert_eq!(of_go("[1,2]"), Ok(bytes(vec![1, 2])));
        assert_eq!(of_go("null"), Ok(bytes(vec![])));
    }

    #[derive(Debug, PartialEq)]
    struct Buffer(Vec<u8>);

    fn bytes(bytes: Vec<u8>) -> Buffer {
        Buffer(bytes)
    }

    impl<'de> Deserialize<'de> for Buffer {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Bytes;
            impl<'de> Visitor<'de> for Bytes {
                type Value = Buffer;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("bytes")
                }

                fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Buffer, E> {
                    Ok(Buffer(bytes))
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Buffer, A::Error> {
                    let mut bytes = Vec::new();
                    while let Some(byte) = list.next_element()? {
                        bytes.push(byte);
                    }
                    Ok(Buffer(bytes))
                }
            }
            deserializer.deserialize_byte_buf(Bytes)
        }
    }

    #[test]
    fn within_other_types() {
        let go = json!({
            "nothing": {}, "list": null, "set": null, "map": {"a": null, "b": "AQI="},
            "maybe": "AQI=", "bytes": "", "nested": ["AQI=", null, [3]],
        });
        let map = HashMap::from([("a".to_owned(), vec![]), ("b".to_owned(), vec![1, 2])]);
        let nested = vec![vec![1, 2], vec![], vec![3]];
        let all = All { map, maybe: Some(vec![1, 2]), nested, ..All::default() };
        only_of_go(&go.to_string(), all);
        only_of_go(r#"{"One":"AQI="}"#, Choice::One(vec![1, 2]));
        only_of_go(r#"{"Two":[null,{}]}"#, Choice::Two(vec![], ()));
        only_of_go(r#"{"Named":{"map":null}}"#, Choice::Named { map: BTreeMap::new() });
        assert_eq!(of_go(r#""Plain""#), Ok(Choice::Plain));
    }

    #[test]
    fn what_asks_for_nothing_else_stays_as_it_is() {
        let text = r#"{"a":[null,{},"AQI=",1.5,-3,true,18446744073709551615]}"#;
        assert_eq!(of_go::<Value>(text), Ok(serde_json::from_str(text).unwrap()));
        assert_eq!(of_go::<Box<RawValue>>(text).unwrap().get(), text);
        assert_eq!(of_go::<u128>(&u128::MAX.to_string()), Ok(u128::MAX));
        assert_eq!(of_go::<BTreeMap<u8, char>>(r#"{"7":"x"}"#), Ok(BTreeMap::from([(7, 'x')])));
        assert!(of_go::<u8>("1 2").is_err());
    }

    #[test]
    fn errors_have_their_path() {
        let error = of_go::<BTreeMap<String, Vec<u64>>>(r#"{"a":null,"b":[1,"x"]}"#).unwrap_err();
        assert_eq!(
            (&*error.path, &*error.message),
            ("b[1]", "invalid type: string \"x\", expected u64")
        );
        let error = of_go::<Vec<String>>("5").unwrap_err();
        assert_eq!(error.message, decode::<Vec<String>>(b"5").unwrap_err().message);
    }
}
