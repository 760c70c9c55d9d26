//! A change to what a method says of itself.

use brpc_core::{FieldError, Function};

/// A change, as it is kept until the plugin describes itself.
pub(crate) type Change = dyn Fn(&mut Function) -> Result<(), FieldError> + Send + Sync;

/// What a change returns: nothing, or whether it could be made.
pub trait Changed {
    /// Whether it could be made.
    ///
    /// # Errors
    /// Why not.
    fn into_result(self) -> Result<(), FieldError>;
}

impl Changed for () {
    fn into_result(self) -> Result<(), FieldError> {
        Ok(())
    }
}

impl Changed for Result<(), FieldError> {
    fn into_result(self) -> Result<(), FieldError> {
        self
    }
}
