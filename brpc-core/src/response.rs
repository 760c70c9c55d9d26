//! A method's output, with the metadata of its answer.

use crate::Metadata;
use crate::dialect::Dialect;

/// The output of a method, and the metadata of its answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Response<T> {
    /// The output.
    pub output: T,
    /// The plugin's keys and values.
    pub metadata: Metadata,
    /// How the output is written, as long as it is encoded.
    dialect: Dialect,
}

impl<T> Response<T> {
    /// An output without metadata.
    pub const fn new(output: T) -> Self {
        Self { output, metadata: Metadata::new(), dialect: Dialect::Serde }
    }

    /// The same output with this metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The same output, written in this dialect.
    #[doc(hidden)]
    #[must_use]
    pub fn in_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The dialect of the output.
    #[doc(hidden)]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}
