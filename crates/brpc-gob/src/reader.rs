//! Reads a peer's messages, from the first byte of a connection to its last.

use bytes::BytesMut;

use crate::gob::{Cursor, Definition, Message, Table, TypeId};
use crate::{Envelope, GobError, PluginInfo};

/// Reads one peer's messages: a connection has one reader.
///
/// After an error every call returns the same one.
#[derive(Debug)]
pub struct Reader {
    /// The types that the peer has defined.
    table: Table,
    /// The bytes of all messages so far up to the introduction.
    introduced_by: usize,
    /// The error that ended the reading, if any.
    failed: Option<GobError>,
}

/// A message with a value in it.
struct Value {
    message: Message,
    type_id: TypeId,
    /// How many bytes the type's number takes.
    start: usize,
}

impl Reader {
    /// A reader for a new connection.
    pub fn new() -> Self {
        Self { table: Table::new(), introduced_by: 0, failed: None }
    }

    /// Removes a plugin's introduction from the input; `None` if it isn't complete.
    ///
    /// # Errors
    /// What is wrong with it. All bytes up to its end count towards the limit, those of definitions
    /// and lengths too.
    pub fn plugin_info(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<PluginInfo>, GobError> {
        self.unless_failed(|reader| {
            while let Some(message) = reader.introduction(input, limit)? {
                if let Some(value) = reader.handle(message)? {
                    return PluginInfo::decode(&reader.table, value.type_id, value.cursor())
                        .map(Some);
                }
            }
            Ok(None)
        })
    }

    /// Removes a message from the input; `None` if it isn't complete.
    ///
    /// # Errors
    /// What is wrong with it. The limit applies to the bytes of each message, without its length.
    pub fn envelope(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<Envelope>, GobError> {
        self.unless_failed(|reader| {
            while let Some(message) = Message::take(input, |_, size| within(size, limit))? {
                if let Some(value) = reader.handle(message)? {
                    let (table, message) = (&reader.table, &value.message.body);
                    return Envelope::decode(table, value.type_id, value.cursor(), message)
                        .map(Some);
                }
            }
            Ok(None)
        })
    }

    /// Removes a message up to the introduction from the input.
    fn introduction(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<Message>, GobError> {
        let before = self.introduced_by;
        let message = Message::take(input, |prefix, size| {
            within(size.saturating_add((before + prefix) as u64), limit)
        })?;
        // At most the limit, which was just checked.
        self.introduced_by += message.as_ref().map_or(0, |message| message.size);
        Ok(message)
    }

    /// Adds a definition, or returns the type of the value in a message.
    fn handle(&mut self, message: Message) -> Result<Option<Value>, GobError> {
        let mut cursor = Cursor::new(&message.body);
        let type_id = cursor.int()?;
        if type_id < 0 {
            // The lowest number can't be negated, and a number far out of range is as wrong.
            let definition = Definition::new(type_id.saturating_neg(), cursor);
            if self.table.is_empty() && !definition.is_of_struct() {
                return Err(GobError::NoDefinition);
            }
            self.table.define(&definition)?;
            return Ok(None);
        }
        if self.table.is_empty() {
            return Err(GobError::NoDefinition);
        }
        let start = message.body.len() - cursor.len();
        Ok(Some(Value { message, type_id, start }))
    }

    fn unless_failed<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, GobError>,
    ) -> Result<T, GobError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        read(self).inspect_err(|error| self.failed = Some(error.clone()))
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Value {
    /// Reads what follows the type's number.
    fn cursor(&self) -> Cursor<'_> {
        Cursor::new(&self.message.body[self.start..])
    }
}

fn within(size: u64, limit: usize) -> Result<(), GobError> {
    if size <= limit as u64 { Ok(()) } else { Err(GobError::TooLong { size, limit }) }
}
