//! The types of a peer.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Definition, Field};
use crate::GobError;

/// The most types that a peer may define. A program of the original defines six.
pub(crate) const MAX_TYPES: usize = 64;

/// The most fields in all types of a peer. The original's have fifteen.
pub(crate) const MAX_FIELDS: usize = 1_024;

/// The number of a type. Each side numbers its own.
pub(crate) type TypeId = i64;

/// The predefined numbers, the same on both sides.
pub(crate) mod id {
    use super::TypeId;

    pub(crate) const BOOL: TypeId = 1;
    pub(crate) const INT: TypeId = 2;
    pub(crate) const UINT: TypeId = 3;
    pub(crate) const FLOAT: TypeId = 4;
    pub(crate) const BYTES: TypeId = 5;
    pub(crate) const STRING: TypeId = 6;
    pub(crate) const COMPLEX: TypeId = 7;
    pub(crate) const INTERFACE: TypeId = 8;

    /// The numbers of types that a peer defines. Go counts in 32 bits.
    pub(crate) const DEFINED: std::ops::RangeInclusive<TypeId> = 64..=i32::MAX as TypeId;
}

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

/// The types that a peer has defined, within limits.
///
/// A type may refer to itself and to types that are defined later: only a value needs them.
#[derive(Debug)]
pub(crate) struct Table {
    /// By number.
    defined: BTreeMap<TypeId, Type>,
    /// How many fields further types may have.
    fields_left: usize,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { defined: BTreeMap::new(), fields_left: MAX_FIELDS }
    }

    /// Adds a definition: what follows the negated number of a type.
    pub(crate) fn define(&mut self, definition: &Definition<'_>) -> Result<(), GobError> {
        let (id, is_full) = (definition.id(), self.defined.len() == MAX_TYPES);
        if !id::DEFINED.contains(&id) {
            return Err(GobError::BadDefinition { id });
        }
        match self.defined.entry(id) {
            Entry::Occupied(_) => Err(GobError::BadDefinition { id }),
            Entry::Vacant(_) if is_full => Err(GobError::TooManyTypes),
            Entry::Vacant(entry) => {
                let defined = definition.read(self.fields_left)?;
                if let Type::Struct(fields) = &defined {
                    self.fields_left -= fields.len();
                }
                entry.insert(defined);
                Ok(())
            }
        }
    }

    /// Whether nothing is defined.
    pub(crate) fn is_empty(&self) -> bool {
        self.defined.is_empty()
    }

    /// What the values of a type look like.
    pub(crate) fn get(&self, id: TypeId) -> Result<&Type, GobError> {
        match id {
            id::BOOL | id::INT | id::UINT | id::FLOAT => Ok(&NUMBER),
            id::BYTES | id::STRING => Ok(&BYTES),
            id::COMPLEX => Ok(&COMPLEX),
            id::INTERFACE => Ok(&INTERFACE),
            id => self.defined.get(&id).ok_or(GobError::UnknownType { id }),
        }
    }
}

static NUMBER: Type = Type::Number;
static COMPLEX: Type = Type::Complex;
static BYTES: Type = Type::Bytes;
static INTERFACE: Type = Type::Interface;
