//! A method's output, with the metadata of its answer.

use crate::Metadata;

/// The output of a method, and the metadata of its answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Response<T> {
    /// The output.
    pub output: T,
    /// The plugin's keys and values.
    pub metadata: Metadata,
}

impl<T> Response<T> {
    /// An output without metadata.
    pub const fn new(output: T) -> Self {
        Self { output, metadata: Metadata::new() }
    }

    /// The same output with this metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }
}
