//! What a peer may make this side keep of its types.

/// The most types that a peer may define. A program of the original defines six.
pub(crate) const MAX_TYPES: usize = 64;

/// The most fields in all types of a peer. The original's have fifteen.
pub(crate) const MAX_FIELDS: usize = 1_024;

/// The most types and fields in the description of a plugin's functions, and in that of a type, and
/// the most values in the schemas made of them: 16 a method. Types are spelled out wherever they are
/// used, and one takes more memory than a value of a schema.
pub(crate) const MAX_PARTS: usize = 16_384;

/// The deepest nesting of a value that is skipped.
pub(crate) const MAX_SKIP_DEPTH: usize = 64;
