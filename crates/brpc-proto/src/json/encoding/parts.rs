//! The elements, fields and entries of a value, each of which is in the path of an error.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::Through;
use crate::json::trace::Trace;

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
