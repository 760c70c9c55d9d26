//! Writes values and definitions.

use super::definition::{MAP, SLICE, STRUCT};
use super::number::{from_signed, write_uint};
use super::{Known, TypeId};

/// Writes a struct, field by field, in the order of their numbers. Empty ones are left out.
#[derive(Debug)]
pub(crate) struct StructWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The lowest number that the next field may have; its delta counts from there.
    next: usize,
}

impl<'a> StructWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, next: 0 }
    }

    /// Starts a field; the caller appends its value.
    pub(crate) fn field(&mut self, number: usize) -> &mut Vec<u8> {
        debug_assert!(number >= self.next, "fields are written in their order");
        write_uint((number - self.next + 1) as u64, self.out);
        self.next = number + 1;
        self.out
    }

    pub(crate) fn uint(&mut self, number: usize, value: u64) {
        if value != 0 {
            write_uint(value, self.field(number));
        }
    }

    pub(crate) fn int(&mut self, number: usize, value: i64) {
        self.uint(number, from_signed(value));
    }

    pub(crate) fn bytes(&mut self, number: usize, value: &[u8]) {
        if !value.is_empty() {
            write_bytes(value, self.field(number));
        }
    }

    pub(crate) fn text(&mut self, number: usize, value: &str) {
        self.bytes(number, value.as_bytes());
    }

    pub(crate) fn end(self) {
        write_uint(0, self.out);
    }
}

/// Appends a length and bytes.
pub(crate) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_uint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a body with its length.
pub(crate) fn append_message(body: &[u8], out: &mut Vec<u8>) {
    write_bytes(body, out);
}

/// Appends the definition of a struct.
pub(crate) fn define_struct(id: TypeId, name: &str, fields: &[(Known, TypeId)], out: &mut Vec<u8>) {
    define(id, name, STRUCT, out, |of| {
        let out = of.field(1);
        write_uint(fields.len() as u64, out);
        for (known, type_id) in fields {
            let mut field = StructWriter::new(out);
            field.text(0, known.name());
            field.int(1, *type_id);
            field.end();
        }
    });
}

/// Appends the definition of a slice.
pub(crate) fn define_slice(id: TypeId, name: &str, element: TypeId, out: &mut Vec<u8>) {
    define(id, name, SLICE, out, |of| of.int(1, element));
}

/// Appends the definition of a map.
pub(crate) fn define_map(id: TypeId, name: &str, key: TypeId, value: TypeId, out: &mut Vec<u8>) {
    define(id, name, MAP, out, |of| {
        of.int(1, key);
        of.int(2, value);
    });
}

fn define(
    id: TypeId,
    name: &str,
    form: usize,
    out: &mut Vec<u8>,
    parts: impl FnOnce(&mut StructWriter<'_>),
) {
    let mut body = Vec::new();
    write_uint(from_signed(-id), &mut body);
    let mut definition = StructWriter::new(&mut body);
    let mut of = StructWriter::new(definition.field(form));
    let mut common = StructWriter::new(of.field(0));
    common.text(0, name);
    common.int(1, id);
    common.end();
    parts(&mut of);
    of.end();
    definition.end();
    append_message(&body, out);
}

#[cfg(test)]
mod tests {
    use super::super::id;
    use super::*;

    /// The example of Go's documentation, but for the names of its fields.
    #[test]
    fn a_struct_is_defined_as_in_go() {
        let mut out = Vec::new();
        define_struct(65, "Point", &[(Known::Seq, id::INT), (Known::Type, id::INT)], &mut out);
        let expected = [
            &[0x24, 0xFF, 0x81, 3, 1, 1, 5][..],
            b"Point",
            &[1, 0xFF, 0x82, 0, 1, 2, 1, 3],
            b"Seq",
            &[1, 4, 0, 1, 4],
            b"Type",
            &[1, 4, 0, 0, 0],
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn empty_fields_are_left_out() {
        let mut out = Vec::new();
        let mut of = StructWriter::new(&mut out);
        of.uint(0, 0);
        of.text(1, "");
        of.uint(2, 7);
        of.bytes(5, b"ab");
        of.end();
        assert_eq!(out, [3, 7, 3, 2, b'a', b'b', 0]);
    }
}
