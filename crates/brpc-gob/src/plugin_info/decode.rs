//! From the wire.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use brpc_core::limits::MAX_METHODS;
use brpc_proto::limits::MAX_SCHEMA_DEPTH;

use super::{Function, PluginInfo};
use crate::gob::{Cursor, Field, Known, Table, TypeId, Values};
use crate::limits::MAX_PARTS;
use crate::{Entity, GobError};

impl PluginInfo {
    /// Reads the value in a message, behind the type's number.
    pub(crate) fn decode(
        table: &Table,
        type_id: TypeId,
        cursor: Cursor<'_>,
    ) -> Result<Self, GobError> {
        let mut decoder = Decoder {
            values: Values::new(table, cursor),
            functions_left: MAX_METHODS,
            entities_left: MAX_PARTS,
        };
        let info = decoder.plugin_info(type_id)?;
        decoder.values.finish()?;
        Ok(info)
    }
}

/// Reads a plugin's introduction within a budget: an entity takes one byte of a message and a
/// hundred of memory, so each is counted before it is stored. Fields beyond the budget are left
/// out, since a Go program knows no such limit: its types are expanded wherever they are used.
struct Decoder<'a> {
    values: Values<'a>,
    functions_left: usize,
    entities_left: usize,
}

impl Decoder<'_> {
    fn plugin_info(&mut self, type_id: TypeId) -> Result<PluginInfo, GobError> {
        let wrong = GobError::WrongValue { expected: "PluginInfo" };
        let of = self.values.enter(type_id)?.filter(|of| of.has_one_of(&FIELDS));
        let (mut of, mut info) = (of.ok_or(wrong)?, PluginInfo::default());
        while let Some(field) = self.values.field(&mut of)? {
            match field.known {
                Some(Known::Name) => info.name = self.values.text(field)?,
                Some(Known::Version) => info.version = self.values.text(field)?,
                Some(Known::Functions) => info.functions = self.functions(field)?,
                _ => self.values.skip(field.type_id)?,
            }
        }
        Ok(info)
    }

    fn functions(&mut self, field: Field) -> Result<BTreeMap<String, Function>, GobError> {
        let (count, type_id) = self.values.map(field)?;
        self.functions_left =
            self.functions_left.checked_sub(count).ok_or(GobError::TooManyFunctions)?;
        let mut functions = BTreeMap::new();
        for _ in 0..count {
            let name = self.values.key()?;
            let function = self.function(field, type_id)?;
            // No method of Go has such a name, and the hub couldn't call it by another one.
            let Some(name) = name else { continue };
            let Entry::Vacant(entry) = functions.entry(name) else {
                return Err(GobError::Malformed { problem: "a map has a key twice" });
            };
            entry.insert(function);
        }
        Ok(functions)
    }

    fn function(&mut self, at: Field, type_id: TypeId) -> Result<Function, GobError> {
        let of = self.values.enter(type_id)?;
        let mut of = of.ok_or_else(|| at.bad_type("a map from strings to structs"))?;
        let mut function = Function::default();
        while let Some(field) = self.values.field(&mut of)? {
            match field.known {
                Some(Known::Name) => function.name = self.values.text(field)?,
                Some(Known::Input) => function.input = Some(self.whole_entity(field)?),
                Some(Known::Output) => function.output = Some(self.whole_entity(field)?),
                _ => self.values.skip(field.type_id)?,
            }
        }
        Ok(function)
    }

    fn whole_entity(&mut self, field: Field) -> Result<Entity, GobError> {
        self.entity(field, field.type_id, "a struct", MAX_SCHEMA_DEPTH - 1)
    }

    /// Reads an entity that was counted, or is one of a function's two. It may nest so many levels
    /// deep.
    fn entity(
        &mut self,
        at: Field,
        type_id: TypeId,
        expected: &'static str,
        depth: usize,
    ) -> Result<Entity, GobError> {
        let of = self.values.enter(type_id)?;
        let (mut of, mut entity) = (of.ok_or_else(|| at.bad_type(expected))?, Entity::default());
        while let Some(field) = self.values.field(&mut of)? {
            match field.known {
                Some(Known::Name) => entity.name = self.values.text(field)?,
                Some(Known::Type) => entity.kind = self.values.text(field)?,
                Some(Known::Mandatory) => entity.mandatory = self.values.bool(field)?,
                Some(Known::Fields) => entity.fields = self.entities(field, depth)?,
                _ => self.values.skip(field.type_id)?,
            }
        }
        Ok(entity)
    }

    fn entities(&mut self, field: Field, depth: usize) -> Result<Vec<Entity>, GobError> {
        let (count, type_id) = self.values.slice(field)?;
        let within = (depth.checked_sub(1), self.entities_left.checked_sub(count));
        let (Some(depth), Some(entities_left)) = within else {
            for _ in 0..count {
                self.values.skip(type_id)?;
            }
            return Ok(Vec::new());
        };
        self.entities_left = entities_left;
        let mut entities = Vec::with_capacity(count);
        for _ in 0..count {
            entities.push(self.entity(field, type_id, "a slice of structs", depth)?);
        }
        Ok(entities)
    }
}

const FIELDS: [Known; 3] = [Known::Name, Known::Version, Known::Functions];
