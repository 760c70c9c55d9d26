//! What the code made by `#[plugin]` calls, so that it stays a few lines a method.
//!
//! Not part of the public interface.

mod input;
mod output;

pub use std::boxed::Box;
pub use std::option::Option;

pub use brpc_core::{Answer, Failure, MethodError};
pub use schemars::{Schema, SchemaGenerator};

pub use self::input::{
    Arguments, Input, input, input_schema, member_schema, no_input, object_schema,
};
pub use self::output::{ErrorText, Failed, FailedText, Output, Returned, ReturnedValue, output};
pub use crate::receiver::{Invoke, Method, OnCancel, Receiver};
pub use crate::{AsyncHook, Context};
