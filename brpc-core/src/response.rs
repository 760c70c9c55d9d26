//! What a method answered, with what came along.

use crate::Metadata;

/// The output of a method, and what the plugin sent along with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Response<T> {
    /// The output.
    pub output: T,
    /// The plugin's keys and values.
    pub metadata: Metadata,
}

impl<T> Response<T> {
    /// An output, with nothing along.
    pub const fn new(output: T) -> Self {
        Self { output, metadata: Metadata::new() }
    }

    /// The same, with this along.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }
}
