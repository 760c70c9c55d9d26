//! The errors of calls, handshakes and connections, one file per kind.

mod call;
mod call_kind;
mod disconnect;
mod execution;
mod interface;
mod json;
mod method;
mod protocol;
mod refusal;
mod shown;

pub use call::CallError;
pub use call_kind::CallErrorKind;
pub use disconnect::{DisconnectReason, Side};
pub use execution::{Execution, Scope, Stage};
pub use interface::{Difference, InterfaceError, Mismatch};
pub use json::JsonError;
pub use method::MethodError;
pub use protocol::ProtocolError;
pub use refusal::{Refusal, RefusalCode};
pub(crate) use shown::Shown;

/// The longest text of an error that is sent to the other side, in bytes.
///
/// Longer texts are cut at a character boundary. Enough for a message and a few causes, too little
/// to be a channel for data; data has a field of its own.
pub const MAX_ERROR_TEXT: usize = 4 * 1024;

/// Cuts `text` to at most `limit` bytes, at a character boundary.
pub(crate) fn cut(text: &mut String, limit: usize) {
    text.truncate(text.floor_char_boundary(limit));
}
