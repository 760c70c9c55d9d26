//! To the wire.

use super::{Function, PluginInfo};
use crate::Entity;
use crate::gob::{
    Known, StructWriter, TypeId, append_message, define_map, define_slice, define_struct,
    from_signed, id, write_bytes, write_uint,
};

impl PluginInfo {
    /// Appends the definitions of all types that a value needs.
    pub(crate) fn define(out: &mut Vec<u8>) {
        let fields = [
            (Known::Name, id::STRING),
            (Known::Version, id::STRING),
            (Known::Functions, FUNCTIONS),
        ];
        define_struct(PLUGIN_INFO, "PluginInfo", &fields, out);
        define_map(FUNCTIONS, "map[string]brpc.Function", id::STRING, FUNCTION, out);
        let fields = [(Known::Name, id::STRING), (Known::Input, ENTITY), (Known::Output, ENTITY)];
        define_struct(FUNCTION, "Function", &fields, out);
        let fields = [
            (Known::Name, id::STRING),
            (Known::Type, id::STRING),
            (Known::Mandatory, id::BOOL),
            (Known::Fields, ENTITIES),
        ];
        define_struct(ENTITY, "Entity", &fields, out);
        define_slice(ENTITIES, "[]brpc.Entity", ENTITY, out);
    }

    /// Appends its message.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        write_uint(from_signed(PLUGIN_INFO), &mut body);
        let mut of = StructWriter::new(&mut body);
        of.text(0, &self.name);
        of.text(1, &self.version);
        if !self.functions.is_empty() {
            let out = of.field(2);
            write_uint(self.functions.len() as u64, out);
            for (name, function) in &self.functions {
                write_bytes(name.as_bytes(), out);
                function.encode(out);
            }
        }
        of.end();
        append_message(&body, out);
    }
}

impl Function {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut of = StructWriter::new(out);
        of.text(0, &self.name);
        for (number, entity) in [(1, &self.input), (2, &self.output)] {
            if let Some(entity) = entity {
                entity.encode(of.field(number));
            }
        }
        of.end();
    }
}

impl Entity {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut of = StructWriter::new(out);
        of.text(0, &self.name);
        of.text(1, &self.kind);
        of.uint(2, self.mandatory.into());
        if !self.fields.is_empty() {
            let out = of.field(3);
            write_uint(self.fields.len() as u64, out);
            for field in &self.fields {
                field.encode(out);
            }
        }
        of.end();
    }
}

// The numbers of the types among ours.
const PLUGIN_INFO: TypeId = 65;
const FUNCTIONS: TypeId = 66;
const FUNCTION: TypeId = 67;
const ENTITY: TypeId = 68;
const ENTITIES: TypeId = 69;
