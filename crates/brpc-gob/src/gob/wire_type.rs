//! The types of values on the wire.

use super::field::Field;
use super::type_id::TypeId;

/// What the values of a type look like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Type {
    /// One integer: a number of any kind, or a bool.
    Number,
    /// Two integers.
    Complex,
    /// A length and bytes: a text, bytes, or what a type of the peer makes of itself.
    Bytes,
    /// The name of a type, its number, and a value with its length before it.
    Interface,
    /// A count and values. Go distinguishes it from a slice, and so do fields that should be
    /// slices.
    Array(TypeId),
    /// A count and values.
    Slice(TypeId),
    /// A count and pairs.
    Map(TypeId, TypeId),
    /// Fields.
    Struct(Box<[Field]>),
}
