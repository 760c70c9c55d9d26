//! A change to the description of a method.

use brpc_core::{FieldError, Function};

/// A change, stored until the plugin describes itself.
pub(crate) type Change = dyn Fn(&mut Function) -> Result<(), FieldError> + Send + Sync;

/// What a change returns: nothing, or whether it succeeded.
pub trait Changed {
    /// Whether the change succeeded.
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
