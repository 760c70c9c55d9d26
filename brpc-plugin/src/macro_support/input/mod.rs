//! From a call's payload to a method's inputs.

mod arguments;
mod schema;

use std::marker::PhantomData;

use brpc_core::{Dialect, Failure, JsonError, Status};
use brpc_proto::json;
use brpc_rt::serving::Context;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

pub use self::arguments::Arguments;
pub use self::schema::{Member, any_schema, no_schema, object_schema};

/// The type of a method's input, which tells whether it can be one.
///
/// An associated function of an inherent impl precedes one of a trait. So [`input`](Self::input) is
/// this type's own if `T` decodes and describes itself, and otherwise [`NotAnInput`]'s, whose bound
/// no type meets. With plain bounds, each missing one would be an error.
#[derive(Debug)]
pub struct Takes<T>(PhantomData<fn() -> T>);

/// What an input can do. It needs no bound, so that an unsuitable type is reported once.
#[derive(Debug)]
pub struct InputRole<T> {
    decode: fn(Dialect, &[u8]) -> Result<T, JsonError>,
    document: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of one of several inputs, for [`object_schema`].
    pub member: fn(&mut SchemaGenerator) -> Schema,
}

impl<T: DeserializeOwned + JsonSchema> Takes<T> {
    /// The role of an input.
    pub fn input() -> InputRole<T> {
        InputRole {
            decode: json::decode_in,
            document: SchemaGenerator::root_schema_for::<T>,
            member: SchemaGenerator::subschema_for::<T>,
        }
    }
}

/// [`Takes`] for a type that can't be an input.
pub trait NotAnInput<T> {
    /// The role of an input.
    fn input() -> InputRole<T>
    where
        T: Input;
}

impl<T> NotAnInput<T> for Takes<T> {
    fn input() -> InputRole<T>
    where
        T: Input,
    {
        T::role()
    }
}

/// Has no implementation; it exists for its message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an input of a plugin's method",
    label = "not an input",
    note = "an input is owned and implements `serde::Deserialize` and `schemars::JsonSchema` (of schemars 1), and so does what a `Vec`, `Option` or map holds: derive both",
    note = "the context of a call is taken as `&Context`",
    note = "or keep the method from callers with `#[brpc(skip)]`"
)]
pub trait Input: Sized {
    /// The role of an input.
    fn role() -> InputRole<Self>;
}

impl<T> InputRole<T> {
    /// Decodes the only input of a method: the payload as a whole.
    ///
    /// # Errors
    /// [`Status::InvalidInput`] with the path of what doesn't decode.
    pub fn decode(&self, context: &Context, payload: &[u8]) -> Result<T, Failure> {
        (self.decode)(context.dialect(), payload).map_err(|error| invalid(error, ""))
    }

    /// The schema of a method's only input, as a separate document.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some((self.document)(generator))
    }
}

/// Checks that a method without input gets none: an absent payload or `null`.
///
/// # Errors
/// [`Status::InvalidInput`] if it gets one.
pub fn no_input(context: &Context, payload: &[u8]) -> Result<(), Failure> {
    if payload.is_empty() {
        return Ok(());
    }
    json::decode_in(context.dialect(), payload).map_err(|_| {
        invalid(JsonError::whole("this method takes no input; expected nothing or `null`"), "")
    })
}

/// The failure of an input below `parent`.
fn invalid(error: JsonError, parent: &str) -> Failure {
    let path = match (parent, error.path.as_str()) {
        ("", path) => path.to_owned(),
        (parent, ".") => parent.to_owned(),
        (parent, path) if path.starts_with('[') => format!("{parent}{path}"),
        (parent, path) => format!("{parent}.{path}"),
    };
    Failure::new(Status::InvalidInput, error.message).with_code(path)
}

#[cfg(test)]
mod tests {
    use brpc_rt::serving::context_of_no_call;

    use super::*;

    #[test]
    fn no_input_is_nothing_or_null() {
        let no_input = |payload| no_input(&context_of_no_call(), payload);
        assert_eq!((no_input(b""), no_input(b" null ")), (Ok(()), Ok(())));
        assert!(no_input(b"{}").is_err());
    }
}
