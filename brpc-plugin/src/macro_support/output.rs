//! From a method's return value to the answer to a call.
//!
//! Trait resolution, and not names, tells whether a method returns `T` or `Result<T, E>`, and what
//! `T` and `E` can do: a function of an inherent impl precedes one of a trait, and one of a trait
//! for `X` precedes one of a trait for `&X`. So the special case is an inherent impl, the general
//! one is a trait, and the last one has a bound that no type meets, which makes the error message.
//! Errors need five steps, so they are resolved through a reference to a reference, and so on: the
//! impls for more references come first.

use std::convert::Infallible;
use std::fmt::Display;
use std::iter::successors;
use std::marker::PhantomData;

use brpc_core::{Answer, Failure, JsonError, MAX_ERROR_TEXT, MethodError, Status};
use brpc_proto::json;
use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

/// The answer of a method that has returned. The generated code passes the roles, since it knows
/// the types.
///
/// # Errors
/// The method's own, or [`Status::InvalidOutput`] if its output doesn't encode.
pub fn answer<T, E>(
    returned: Result<T, E>,
    output: fn(OutputType<T>) -> OutputRole<T>,
    error: fn(&&&&ErrorType<E>) -> ErrorRole<E>,
) -> Answer {
    match returned {
        Ok(value) => output(OutputType(PhantomData)).encode(&value),
        Err(value) => Err((error(&&&&ErrorType(PhantomData)).into_failure)(value)),
    }
}

/// The type that a method returns, which tells whether it is a [`Result`].
#[derive(Debug)]
pub struct Returns<R>(PhantomData<fn() -> R>);

impl<T, E> Returns<Result<T, E>> {
    /// Whether it is one.
    pub const IS_RESULT: bool = true;

    /// The return value of a method that can fail.
    ///
    /// # Errors
    /// The method's own.
    pub fn split(returned: Result<T, E>) -> Result<T, E> {
        returned
    }

    /// The type of the output.
    pub fn output() -> OutputType<T> {
        OutputType(PhantomData)
    }
}

/// [`Returns`] for a method that can't fail.
pub trait ReturnsValue<T> {
    /// Whether it is a [`Result`].
    const IS_RESULT: bool = false;

    /// The return value.
    ///
    /// # Errors
    /// None.
    fn split(returned: T) -> Result<T, Infallible> {
        Ok(returned)
    }

    /// The type of the output.
    fn output() -> OutputType<T> {
        OutputType(PhantomData)
    }
}

impl<T> ReturnsValue<T> for Returns<T> {}

/// The type of an output, which tells whether it can be one.
#[derive(Debug)]
pub struct OutputType<T>(PhantomData<fn() -> T>);

/// What an output can do. It needs no bound, so that an unsuitable type is reported once.
#[derive(Debug)]
pub struct OutputRole<T> {
    encode: fn(&T) -> Result<Bytes, JsonError>,
    document: fn(&mut SchemaGenerator) -> Schema,
}

impl<T: Serialize + JsonSchema> OutputType<T> {
    /// The role of an output.
    pub fn role(self) -> OutputRole<T> {
        OutputRole { encode: json::encode, document: SchemaGenerator::root_schema_for::<T> }
    }
}

/// [`OutputType`] for a type that can't be an output.
pub trait NotAnOutput<T> {
    /// The role of an output.
    fn role(self) -> OutputRole<T>
    where
        T: Output;
}

impl<T> NotAnOutput<T> for OutputType<T> {
    fn role(self) -> OutputRole<T>
    where
        T: Output,
    {
        T::role()
    }
}

/// Has no implementation; it exists for its message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the output of a plugin's method",
    label = "not an output",
    note = "an output implements `serde::Serialize` and `schemars::JsonSchema` (of schemars 1), and so does what a `Vec`, `Option` or map holds: derive both",
    note = "or keep the method from callers with `#[brpc(skip)]`"
)]
pub trait Output: Sized {
    /// The role of an output.
    fn role() -> OutputRole<Self>;
}

impl<T> OutputRole<T> {
    fn encode(&self, value: &T) -> Answer {
        (self.encode)(value).map_err(|error| Failure::new(Status::InvalidOutput, error.to_string()))
    }

    /// The schema of the output; none if it is always `null`.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        let schema = (self.document)(generator);
        let is_null = schema.get("type").is_some_and(|kind| kind == "null");
        (!is_null).then_some(schema)
    }
}

/// The type of an error, which tells how it is sent.
#[derive(Debug)]
pub struct ErrorType<E>(PhantomData<fn() -> E>);

impl<E> Clone for ErrorType<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for ErrorType<E> {}

/// What an error can do. It needs no bound, so that an unsuitable type is reported once.
#[derive(Debug)]
pub struct ErrorRole<E> {
    into_failure: fn(E) -> Failure,
}

/// [`ErrorType`] for an error with a code and data of its own.
pub trait CodedError<E> {
    /// The role of an error that is sent with its own code and data.
    fn role(&self) -> ErrorRole<E>;
}

impl<E: Into<MethodError>> CodedError<E> for &&&ErrorType<E> {
    fn role(&self) -> ErrorRole<E> {
        ErrorRole { into_failure: |error| error.into().into() }
    }
}

/// [`ErrorType`] for an error that may have causes.
///
/// The errors of `std`, texts, those of `anyhow` and a `Box` of any error convert into a `Box` of
/// any error. The last two don't implement `std`'s `Error` themselves.
pub trait CausedError<'a, E> {
    /// The role of an error that is sent as its text and those of its causes.
    fn role(&self) -> ErrorRole<E>;
}

impl<'a, E: Into<Box<dyn std::error::Error + Send + Sync + 'a>>> CausedError<'a, E>
    for &&ErrorType<E>
{
    fn role(&self) -> ErrorRole<E> {
        ErrorRole { into_failure: |error| text(with_causes(&*error.into())) }
    }
}

/// [`ErrorType`] for an error that may have causes and is not `Send` or not `Sync`; also for a `Box`
/// of any such error.
pub trait LocalError<'a, E> {
    /// The role of an error that is sent as its text and those of its causes.
    fn role(&self) -> ErrorRole<E>;
}

impl<'a, E: Into<Box<dyn std::error::Error + 'a>>> LocalError<'a, E> for &ErrorType<E> {
    fn role(&self) -> ErrorRole<E> {
        ErrorRole { into_failure: |error| text(with_causes(&*error.into())) }
    }
}

/// The most causes that are read. An error may be its own cause, which has no end; real chains have
/// a few.
const MAX_CAUSES: usize = 32;

/// The text of an error and, after `: `, that of each of its causes, unless it already contains
/// that.
fn with_causes(error: &(dyn std::error::Error + '_)) -> String {
    let mut message = error.to_string();
    for cause in successors(error.source(), |cause| cause.source()).take(MAX_CAUSES) {
        if message.len() > MAX_ERROR_TEXT {
            break; // What follows would be cut off.
        }
        let cause = cause.to_string();
        if !message.ends_with(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    message
}

/// [`ErrorType`] for an error that is only text.
pub trait TextError<E> {
    /// The role of an error that is sent as the text of its `Display`, in the alternate form, in
    /// which some types name their causes.
    fn role(&self) -> ErrorRole<E>;
}

impl<E: Display> TextError<E> for ErrorType<E> {
    fn role(&self) -> ErrorRole<E> {
        ErrorRole { into_failure: |error| text(format!("{error:#}")) }
    }
}

/// The failure of an error without a code of its own.
fn text(message: String) -> Failure {
    MethodError::new(MethodError::UNSPECIFIED, message).into()
}

/// [`ErrorType`] for a type that can't be an error.
pub trait NotAnError<E> {
    /// The role of an error.
    fn role(self) -> ErrorRole<E>
    where
        E: Error;
}

impl<E> NotAnError<E> for ErrorType<E> {
    fn role(self) -> ErrorRole<E>
    where
        E: Error,
    {
        E::role()
    }
}

/// Has no implementation; it exists for its message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a plugin's method",
    label = "not an error",
    note = "an error converts into `MethodError` or implements `std::fmt::Display`",
    note = "or keep the method from callers with `#[brpc(skip)]`"
)]
pub trait Error: Sized {
    /// The role of an error.
    fn role() -> ErrorRole<Self>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of the generated code for a method that returns `$returned` of type `$of`.
    macro_rules! answer {
        ($of:ty, $returned:expr) => {
            answer(Returns::<$of>::split($returned), |output| output.role(), |error| error.role())
        };
    }

    #[test]
    fn a_result_is_told_by_its_type() {
        type Outcome = Result<u8, String>;
        assert_eq!(answer!(u8, 1), Ok(Bytes::from("1")));
        assert_eq!(answer!(Outcome, Ok(1)), Ok(Bytes::from("1")));
        assert_eq!(answer!(Option<u8>, None), Ok(Bytes::from("null")));
        let failure = answer!(Outcome, Err(String::new())).unwrap_err();
        assert_eq!((failure.status, &*failure.code), (Status::Method, MethodError::UNSPECIFIED));
    }

    #[test]
    fn an_error_keeps_its_code_and_data() {
        let error = MethodError::new("busy", "later").with_data(5.into());
        let failure = answer!(Result<(), MethodError>, Err(error)).unwrap_err();
        assert_eq!(
            (&*failure.code, &*failure.message, &*failure.data),
            ("busy", "later", &b"5"[..])
        );
    }

    /// One of two errors that are each other's cause.
    #[derive(Debug)]
    struct Circular(&'static str);

    impl Display for Circular {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Circular {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(if self.0 == "a" { &Circular("b") } else { &Circular("a") })
        }
    }

    #[test]
    fn causes_in_a_circle_come_to_an_end() {
        let failure = answer!(Result<(), Circular>, Err(Circular("a"))).unwrap_err();
        assert_eq!(failure.message, format!("a{}", ": b: a".repeat(MAX_CAUSES / 2)));
    }

    #[test]
    fn causes_that_would_be_cut_off_are_not_asked_for() {
        let long: &'static str = "-".repeat(MAX_ERROR_TEXT + 1).leak();
        assert_eq!(with_causes(&Circular(long)), long);
    }

    #[test]
    fn what_does_not_encode_is_no_output() {
        let keyed_by_pairs = std::collections::BTreeMap::from([((1_u8, 2_u8), 3_u8)]);
        let failure =
            (OutputRole { encode: json::encode, document: never }).encode(&keyed_by_pairs);
        assert_eq!(failure.unwrap_err().status, Status::InvalidOutput);
    }

    #[test]
    fn an_output_that_is_always_null_has_no_schema() {
        let mut generator = SchemaGenerator::default();
        assert!(Returns::<()>::output().role().schema(&mut generator).is_none());
        assert!(Returns::<Result<(), String>>::output().role().schema(&mut generator).is_none());
        assert!(Returns::<Option<u8>>::output().role().schema(&mut generator).is_some());
    }

    fn never(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}
