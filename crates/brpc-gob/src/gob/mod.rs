//! The part of Go's `encoding/gob` that this wire needs, with a limit on everything.
//!
//! ```text
//! message:     length  body
//! body:        -id  wireType        a definition of the peer's type `id`
//!              id  value            a value of it
//! struct:      (delta  value)*  0   `delta` is how far the field is behind the one before
//! slice:       count  value*
//! map:         count  (key  value)*
//! text, bytes: length  bytes
//! ```
//!
//! Every value takes at least one byte, so a count is never larger than what is left of its message.

mod cursor;
mod definition;
mod field;
mod message;
mod number;
mod table;
mod type_id;
mod value;
mod wire_type;
mod write;

pub(crate) use self::cursor::Cursor;
pub(crate) use self::definition::Definition;
pub(crate) use self::field::{Field, Known};
pub(crate) use self::message::Message;
pub(crate) use self::number::{from_signed, size, write_uint};
pub(crate) use self::table::Table;
pub(crate) use self::type_id::{TypeId, id};
pub(crate) use self::value::Values;
pub(crate) use self::wire_type::Type;
pub(crate) use self::write::{
    StructWriter, append_message, define_map, define_slice, define_struct, write_bytes,
};
