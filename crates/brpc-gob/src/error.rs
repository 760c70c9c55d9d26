//! What a peer can send that the format or our limits forbid.

use brpc_core::limits::MAX_METHODS;
use thiserror::Error;

use crate::limits::{MAX_FIELDS, MAX_SKIP_DEPTH, MAX_TYPES};

/// Why the input can't be decoded. The connection is unusable from then on: the start of the next
/// message is known, but not which types the peer assumes to be defined.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum GobError {
    /// More bytes than are allowed, announced or received.
    #[error("{size} bytes, and the limit is {limit}")]
    TooLong {
        /// The announced bytes, with the earlier ones that count.
        size: u64,
        /// The bytes that are allowed.
        limit: usize,
    },
    /// A message ends within a value.
    #[error("a message ends within a value")]
    Truncated,
    /// Bytes that no Go program sends.
    #[error("malformed: {problem}")]
    Malformed {
        /// What was found.
        problem: &'static str,
    },
    /// Bytes that a Go program may send, but the original never does.
    #[error("not supported: {what}")]
    Unsupported {
        /// What was found.
        what: &'static str,
    },
    /// The first bytes are not those of a Go program.
    #[error("expected the definition of a struct as the first message")]
    NoDefinition,
    /// A value of another kind than expected.
    #[error("expected a value of {expected}, found one that has no field of it")]
    WrongValue {
        /// The expected type.
        expected: &'static str,
    },
    /// A known field has an unexpected type.
    #[error("expected {expected} in field `{field}`")]
    BadType {
        /// The field's name.
        field: &'static str,
        /// The expected type.
        expected: &'static str,
    },
    /// A value of a type that was not defined.
    #[error("a value of type {id}, which is not defined")]
    UnknownType {
        /// The number of the type.
        id: i64,
    },
    /// A definition of a type that is defined, or whose number is not for types of peers.
    #[error("a definition of type {id}, which is defined or reserved")]
    BadDefinition {
        /// The number of the type.
        id: i64,
    },
    /// More types than are allowed.
    #[error("more than {MAX_TYPES} types")]
    TooManyTypes,
    /// More fields in all types than are allowed.
    #[error("more than {MAX_FIELDS} fields in all types")]
    TooManyFields,
    /// A value nests too deep.
    #[error("a value that nests more than {MAX_SKIP_DEPTH} levels deep")]
    TooDeep,
    /// More functions than are allowed.
    #[error("more than {MAX_METHODS} functions")]
    TooManyFunctions,
}

impl GobError {
    /// A short form, without what was found.
    pub(crate) fn problem(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "a gob message that is too long",
            Self::Truncated => "a gob message that ends within a value",
            Self::Malformed { problem } => problem,
            Self::Unsupported { what } => what,
            Self::NoDefinition => "gob that doesn't begin with the definition of a struct",
            Self::WrongValue { .. } => "a gob value of another kind than was due",
            Self::BadType { .. } => "a gob field of another type than was due",
            Self::UnknownType { .. } => "a gob value of a type that is not defined",
            Self::BadDefinition { .. } => "a gob definition of a type that is defined or reserved",
            Self::TooManyTypes => "too many gob types",
            Self::TooManyFields => "too many fields in gob types",
            Self::TooDeep => "a gob value that nests too deep",
            Self::TooManyFunctions => "too many functions",
        }
    }
}
