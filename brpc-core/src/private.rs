//! What the code made by `#[client]` names.
//!
//! Not part of the public interface.

pub use core::prelude::v1::derive;
pub use std::clone::Clone;
pub use std::convert::Into;
pub use std::fmt::Debug;
pub use std::primitive::str;
pub use std::result::Result;
pub use std::string::String;
pub use std::sync::Arc;
pub use std::vec::Vec;

pub use crate::InterfaceError;
pub use crate::Selector;
pub use crate::caller::Caller;
pub use crate::client::{
    All, Argument, Binding, Calls, Checks, Describes, MakeSchema, One, wanted,
};
