//! An incoming call, on its way through middleware.

use brpc_core::{Failure, MethodError};
use bytes::Bytes;

use super::context::Context;
use crate::middleware::CallKind;

/// A call on its way to the method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Incoming {
    /// The name of the method.
    pub method: &'static str,
    /// The call's context. All clones share it.
    pub context: Context,
    /// The encoded input; empty for none.
    pub input: Bytes,
}

impl CallKind for Incoming {
    type Output = Bytes;
    type Error = Failure;

    fn failed(message: String) -> Failure {
        MethodError::new(MethodError::UNSPECIFIED, message).into()
    }
}
