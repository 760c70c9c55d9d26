//! The bytes of the protocol: preface, frames, and the messages in them. `docs/protocol.md` is the
//! page that this module follows.

mod buffer;
mod describe;
mod frame;
mod labels;
mod message;
mod preface;

pub use buffer::WriteBuffer;
#[cfg(test)]
pub(crate) use describe::encode_raw_description;
pub(crate) use describe::{decode_description, encode_description};
pub(crate) use frame::{Frame, FrameReader, kind};
pub(crate) use labels::{decode_labels, encode_labels};
pub(crate) use message::{
    Accepted, Call, Cancel, Credit, Drain, Event, Failed, Goodbye, Hello, Leave, Message, Metadata,
    Refused, Reply, Welcome, extension,
};
pub(crate) use preface::{PREFACE, read_preface};
use serde::Serialize;

/// The lowest version of the protocol that this crate speaks.
pub(crate) const MIN_VERSION: u8 = 1;

/// The highest version of the protocol that this crate speaks.
pub(crate) const MAX_VERSION: u8 = 1;

fn append<T: Serialize>(bytes: &mut Vec<u8>, value: &T) {
    let encoded = postcard::to_stdvec(value).expect("flat values serialize into memory");
    bytes.extend_from_slice(&encoded);
}
