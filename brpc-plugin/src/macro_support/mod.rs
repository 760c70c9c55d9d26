//! The functions that the code of `#[plugin]` calls, so that it needs only a few lines a method.
//!
//! Not part of the public interface.

mod input;
mod output;
mod passed;

pub use brpc_core::__private::*;
pub use brpc_core::{Answer, Failure, MethodError};
pub use brpc_rt::serving::{
    AsyncHook, Context, Invoke, Method, OnCancel, Receiver, context_of_no_call,
};
pub use schemars::{Schema, SchemaGenerator};
pub use std::assert;
pub use std::boxed::Box;
pub use std::marker::{Send, Sync};
pub use std::mem::drop;

pub use self::input::{
    Arguments, Input, InputRole, Member, NotAnInput, Takes, any_schema, no_input, no_schema,
    object_schema,
};
pub use self::output::{
    CausedError, CodedError, Error, ErrorRole, ErrorType, LocalError, NotAnError, NotAnOutput,
    Output, OutputRole, OutputType, Returns, ReturnsValue, TextError, answer,
};
pub use self::passed::{Borrowed, Hook, context, hook};
