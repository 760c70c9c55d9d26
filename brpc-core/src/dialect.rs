//! How the peers of a wire write JSON.

/// How the peers of a wire write JSON, so far as it matters to a decoder.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Dialect {
    /// As `serde` does.
    #[default]
    Serde,
    /// As Go's `encoding/json` does: `{}` for nothing, `null` for an empty list or map, and bytes in
    /// base64.
    Go,
}
