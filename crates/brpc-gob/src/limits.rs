//! What a peer may make this side keep of its types.

/// The most types that a peer may define. A program of the original defines six.
pub(crate) const MAX_TYPES: usize = 64;

/// The most fields in all types of a peer. The original's have fifteen.
pub(crate) const MAX_FIELDS: usize = 1_024;

/// The deepest nesting of a value that is skipped.
pub(crate) const MAX_SKIP_DEPTH: usize = 64;
