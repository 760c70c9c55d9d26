//! From what a method returns to the answer of a call.
//!
//! Whether it returns `T` or `Result<T, E>`, and what `E` can do, is asked of the types and not of
//! their names: a method of an inherent impl wins over one of a trait, so the more special case is
//! an inherent impl and the general one a trait.

use std::convert::Infallible;
use std::marker::PhantomData;

use brpc_core::{Answer, Failure, MethodError, Status, json};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

/// What a method can return: anything that encodes and describes itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the output of a plugin's method",
    label = "not an output",
    note = "an output implements `serde::Serialize` and `schemars::JsonSchema`; derive both"
)]
pub trait Output: Serialize + JsonSchema {}

impl<T: Serialize + JsonSchema> Output for T {}

/// Encodes a method's output.
///
/// # Errors
/// [`Status::InvalidOutput`] if it doesn't encode.
pub fn output<T: Output>(output: &T) -> Answer {
    json::encode(output).map_err(|error| Failure::new(Status::InvalidOutput, error.message))
}

/// The type that a method returns, without a value of it.
#[derive(Debug)]
pub struct Returned<R>(PhantomData<fn() -> R>);

impl<R> Returned<R> {
    /// Names the type.
    pub const TYPE: Self = Self(PhantomData);
}

impl<T, E> Returned<Result<T, E>> {
    /// The output or the error of a method that can fail.
    ///
    /// # Errors
    /// The method's own.
    pub fn split(&self, returned: Result<T, E>) -> Result<T, E> {
        returned
    }

    /// The schema of the output.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema>
    where
        T: Output,
    {
        schema::<T>(generator)
    }
}

/// [`Returned`] for a method that can't fail.
pub trait ReturnedValue<T> {
    /// The output.
    ///
    /// # Errors
    /// None.
    fn split(&self, returned: T) -> Result<T, Infallible> {
        Ok(returned)
    }

    /// The schema of the output.
    fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema>
    where
        T: Output,
    {
        schema::<T>(generator)
    }
}

impl<T> ReturnedValue<T> for Returned<T> {}

/// A method's error, on its way to the hub.
#[derive(Debug)]
pub struct Failed<E>(pub E);

impl<E: Into<MethodError>> Failed<E> {
    /// With its own code and data.
    pub fn into_failure(self) -> Failure {
        self.0.into().into()
    }
}

/// [`Failed`] for an error that is only text.
pub trait FailedText {
    /// What its `Display` says; in the alternate form, in which some types name their causes.
    fn into_failure(self) -> Failure;
}

impl<E: ErrorText> FailedText for Failed<E> {
    fn into_failure(self) -> Failure {
        MethodError::new(MethodError::UNSPECIFIED, format!("{:#}", self.0)).into()
    }
}

/// What a method can return as its error, at the least.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a plugin's method",
    label = "not an error",
    note = "an error converts into `MethodError` or implements `std::fmt::Display`"
)]
pub trait ErrorText: std::fmt::Display {}

impl<E: std::fmt::Display> ErrorText for E {}

/// The schema of an output; none where it is always `null`.
fn schema<T: Output>(generator: &mut SchemaGenerator) -> Option<Schema> {
    let schema = generator.root_schema_for::<T>();
    let is_null = schema.get("type").is_some_and(|kind| kind == "null");
    (!is_null).then_some(schema)
}
