//! Definitions of types, which are themselves values: a struct `wireType`, with one of its fields.
//!
//! ```text
//! wireType:                      ArrayT, SliceT, StructT, MapT,
//!                                GobEncoderT, BinaryMarshalerT, TextMarshalerT
//! each of them starts with:      CommonType {Name, Id}
//! and goes on with, an array:    Elem, Len        a slice: Elem
//!                   a map:       Key, Elem        a struct: Field []{Name, Id}
//! ```

use super::cursor::Cursor;
use super::{Field, Known, Type, TypeId};
use crate::GobError;

/// A definition that is not read yet.
#[derive(Debug)]
pub(crate) struct Definition<'a> {
    id: TypeId,
    cursor: Cursor<'a>,
}

impl<'a> Definition<'a> {
    /// The definition of the type of this number, from the bytes behind the number.
    pub(crate) fn new(id: TypeId, cursor: Cursor<'a>) -> Self {
        Self { id, cursor }
    }

    /// The number of the type.
    pub(crate) fn id(&self) -> TypeId {
        self.id
    }

    /// Whether it starts like a struct's.
    pub(crate) fn is_of_struct(&self) -> bool {
        let mut cursor = self.cursor;
        cursor.field(&mut 0) == Ok(Some(STRUCT))
    }

    /// Reads it. A struct with too many fields is an error, before any field is stored.
    pub(crate) fn read(&self, most_fields: usize) -> Result<Type, GobError> {
        let (mut cursor, mut next) = (self.cursor, 0);
        let form = cursor.field(&mut next)?.ok_or(UNKNOWN)?;
        let mut parts = Parts::default();
        let mut next_part = 0;
        while let Some(part) = cursor.field(&mut next_part)? {
            match (form, part) {
                (_, 0) => skip_name(&mut cursor)?,
                (STRUCT, 1) => parts.fields = read_fields(&mut cursor, most_fields)?,
                (ARRAY | SLICE | MAP, 1) => parts.first = cursor.int()?,
                // The length of an array is repeated before its elements.
                (ARRAY | MAP, 2) => parts.second = cursor.int()?,
                _ => return Err(UNKNOWN),
            }
        }
        if cursor.field(&mut next)?.is_some() {
            return Err(UNKNOWN);
        }
        cursor.finish()?;
        match form {
            ARRAY => Ok(Type::Array(parts.first)),
            SLICE => Ok(Type::Slice(parts.first)),
            STRUCT => Ok(Type::Struct(parts.fields)),
            MAP => Ok(Type::Map(parts.first, parts.second)),
            GOB_ENCODER..=TEXT_MARSHALER => Ok(Type::Bytes),
            _ => Err(UNKNOWN),
        }
    }
}

/// The parts of a definition.
#[derive(Default)]
struct Parts {
    /// The type of the elements, or of a map's keys.
    first: TypeId,
    /// The type of a map's values.
    second: TypeId,
    fields: Box<[Field]>,
}

/// Skips the name and the number of a type. The name is for people, and the number is already
/// known.
fn skip_name(cursor: &mut Cursor<'_>) -> Result<(), GobError> {
    let mut next = 0;
    while let Some(part) = cursor.field(&mut next)? {
        match part {
            0 => drop(cursor.bytes()?),
            1 => drop(cursor.int()?),
            _ => return Err(UNKNOWN),
        }
    }
    Ok(())
}

fn read_fields(cursor: &mut Cursor<'_>, most: usize) -> Result<Box<[Field]>, GobError> {
    let count = cursor.count(1)?;
    if count > most {
        return Err(GobError::TooManyFields);
    }
    let mut fields: Vec<Field> = Vec::with_capacity(count);
    for _ in 0..count {
        let (mut next, mut field) = (0, Field { known: None, type_id: 0 });
        while let Some(part) = cursor.field(&mut next)? {
            match part {
                0 => field.known = Known::named(cursor.bytes()?),
                1 => field.type_id = cursor.int()?,
                _ => return Err(UNKNOWN),
            }
        }
        if field.known.is_some() && fields.iter().any(|other| other.known == field.known) {
            return Err(GobError::Malformed { problem: "a struct has a field twice" });
        }
        fields.push(field);
    }
    Ok(fields.into())
}

const ARRAY: usize = 0;
pub(super) const SLICE: usize = 1;
pub(super) const STRUCT: usize = 2;
pub(super) const MAP: usize = 3;
const GOB_ENCODER: usize = 4;
const TEXT_MARSHALER: usize = 6;

const UNKNOWN: GobError = GobError::Malformed { problem: "a definition of an unknown form" };
