//! The wire of the Go package `easysy/brpc`.

mod entity;
mod envelope;
mod error;
mod gob;
pub mod name;
mod plugin_info;
mod reader;
mod writer;

pub use entity::{Entity, output_description, type_description};
pub use envelope::{Envelope, EnvelopeRef};
pub use error::GobError;
pub use plugin_info::{Function, PluginInfo};
pub use reader::Reader;
pub use writer::Writer;
