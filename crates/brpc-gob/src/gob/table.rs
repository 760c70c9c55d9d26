//! The types of a peer.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Definition, Type, TypeId, id};
use crate::GobError;
use crate::limits::{MAX_FIELDS, MAX_TYPES};

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
