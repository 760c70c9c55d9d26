//! Walks a value by the type that the peer gave it.

use super::cursor::{Cursor, NO_SUCH_FIELD};
use super::{Field, Known, Table, Type, TypeId, id};
use crate::GobError;
use crate::limits::MAX_SKIP_DEPTH;

/// The values of a message, from front to back.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    table: &'a Table,
    cursor: Cursor<'a>,
}

/// A walk through a struct.
#[derive(Debug)]
pub(crate) struct Struct<'a> {
    /// The fields that it may have, in their order.
    fields: &'a [Field],
    /// The first field that may come.
    next: usize,
}

impl Struct<'_> {
    /// Whether it may have one of these fields.
    pub(crate) fn has_one_of(&self, expected: &[Known]) -> bool {
        self.fields.iter().any(|field| field.known.is_some_and(|known| expected.contains(&known)))
    }
}

impl<'a> Values<'a> {
    pub(crate) fn new(table: &'a Table, cursor: Cursor<'a>) -> Self {
        Self { table, cursor }
    }

    /// Walks into a struct; `None` if the type is another one.
    pub(crate) fn enter(&self, type_id: TypeId) -> Result<Option<Struct<'a>>, GobError> {
        match self.table.get(type_id)? {
            Type::Struct(fields) => Ok(Some(Struct { fields, next: 0 })),
            _ => Ok(None),
        }
    }

    /// The field of the struct whose value comes next; `None` at its end.
    pub(crate) fn field(&mut self, of: &mut Struct<'a>) -> Result<Option<Field>, GobError> {
        let Some(index) = self.cursor.field(&mut of.next)? else { return Ok(None) };
        of.fields.get(index).copied().map(Some).ok_or(NO_SUCH_FIELD)
    }

    /// The text of a field.
    pub(crate) fn text(&mut self, field: Field) -> Result<String, GobError> {
        field.expect(id::STRING, "a string")?;
        self.cursor.bytes().map(to_text)
    }

    /// The key of a map whose keys are texts; `None` if it isn't UTF-8.
    pub(crate) fn key(&mut self) -> Result<Option<String>, GobError> {
        Ok(std::str::from_utf8(self.cursor.bytes()?).ok().map(str::to_owned))
    }

    /// The bytes of a field.
    pub(crate) fn bytes(&mut self, field: Field) -> Result<&'a [u8], GobError> {
        field.expect(id::BYTES, "a slice of bytes")?;
        self.cursor.bytes()
    }

    /// The number of a field.
    pub(crate) fn uint(&mut self, field: Field) -> Result<u64, GobError> {
        field.expect(id::UINT, "an unsigned integer")?;
        self.cursor.uint()
    }

    /// Whether a field is set.
    pub(crate) fn bool(&mut self, field: Field) -> Result<bool, GobError> {
        field.expect(id::BOOL, "a bool")?;
        self.cursor.uint().map(|value| value != 0)
    }

    /// How many elements a field's slice has, and their type. The elements follow.
    pub(crate) fn slice(&mut self, field: Field) -> Result<(usize, TypeId), GobError> {
        let Type::Slice(element) = *self.table.get(field.type_id)? else {
            return Err(field.bad_type("a slice of structs"));
        };
        Ok((self.cursor.count(1)?, element))
    }

    /// How many pairs a field's map from texts has, and the type of its values. A key, a value, and
    /// so on follow.
    pub(crate) fn map(&mut self, field: Field) -> Result<(usize, TypeId), GobError> {
        let Type::Map(id::STRING, value) = *self.table.get(field.type_id)? else {
            return Err(field.bad_type("a map from strings to structs"));
        };
        Ok((self.cursor.count(2)?, value))
    }

    /// Skips a value that isn't needed.
    pub(crate) fn skip(&mut self, type_id: TypeId) -> Result<(), GobError> {
        self.skip_within(type_id, MAX_SKIP_DEPTH)
    }

    /// Demands that nothing is left.
    pub(crate) fn finish(self) -> Result<(), GobError> {
        self.cursor.finish()
    }

    /// Skips a value that nests at most so many levels deep.
    ///
    /// Every turn of a loop consumes at least a byte, so it ends with the message.
    fn skip_within(&mut self, type_id: TypeId, depth: usize) -> Result<(), GobError> {
        let inner = || depth.checked_sub(1).ok_or(GobError::TooDeep);
        match *self.table.get(type_id)? {
            Type::Number => drop(self.cursor.uint()?),
            Type::Complex => {
                self.cursor.uint()?;
                self.cursor.uint()?;
            }
            Type::Bytes => drop(self.cursor.bytes()?),
            Type::Interface => self.skip_interface()?,
            Type::Array(element) | Type::Slice(element) => {
                let depth = inner()?;
                for _ in 0..self.cursor.count(1)? {
                    self.skip_within(element, depth)?;
                }
            }
            Type::Map(key, value) => {
                let depth = inner()?;
                for _ in 0..self.cursor.count(2)? {
                    self.skip_within(key, depth)?;
                    self.skip_within(value, depth)?;
                }
            }
            Type::Struct(ref fields) => {
                let (depth, mut of) = (inner()?, Struct { fields, next: 0 });
                while let Some(field) = self.field(&mut of)? {
                    self.skip_within(field.type_id, depth)?;
                }
            }
        }
        Ok(())
    }

    /// The value in an interface has its length before it, so its type doesn't matter.
    ///
    /// If its type is not defined yet, Go ends the message after the definition, and sends the
    /// value in another one. This isn't supported.
    fn skip_interface(&mut self) -> Result<(), GobError> {
        if self.cursor.bytes()?.is_empty() {
            // Without a name it is nil, and nothing follows.
            return Ok(());
        }
        if self.cursor.int()? < 0 {
            return Err(GobError::Unsupported { what: "a new type within an interface" });
        }
        self.cursor.bytes().map(drop)
    }
}

/// A string of Go as a text. It may hold any bytes: each that isn't UTF-8 is replaced, as Go's JSON
/// does.
fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

impl Field {
    /// Its name, for messages.
    pub(crate) fn name(self) -> &'static str {
        self.known.map_or("", Known::name)
    }

    /// The error of an unexpected type.
    pub(crate) fn bad_type(self, expected: &'static str) -> GobError {
        GobError::BadType { field: self.name(), expected }
    }

    fn expect(self, type_id: TypeId, expected: &'static str) -> Result<(), GobError> {
        if self.type_id == type_id { Ok(()) } else { Err(self.bad_type(expected)) }
    }
}
