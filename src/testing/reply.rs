//! The answers of a scripted plugin.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use brpc_core::{Answer, Failure, Status};
use brpc_proto::json;
use serde::Serialize;
use serde_json::Value;

use crate::{Metadata, MethodError};

/// The answer of a scripted plugin to one call.
#[derive(Clone, Debug)]
pub struct Reply {
    kind: Kind,
    delay: Duration,
    /// The metadata of the answer.
    metadata: Metadata,
}

#[derive(Clone)]
enum Kind {
    Answer(Answer),
    With(Arc<dyn Fn(Value) -> Result<Value, MethodError> + Send + Sync>),
    Never,
}

impl Reply {
    /// This output. If it doesn't encode, the answer is that of a method with such an output.
    pub fn value<T: Serialize + ?Sized>(output: &T) -> Self {
        let answer = json::encode(output)
            .map_err(|error| Failure::new(Status::InvalidOutput, error.to_string()));
        Self::new(Kind::Answer(answer))
    }

    /// This error.
    #[must_use]
    pub fn error(error: MethodError) -> Self {
        Self::new(Kind::Answer(Err(error.into())))
    }

    /// A panic with this text.
    pub fn panic(text: impl Into<String>) -> Self {
        Self::new(Kind::Answer(Err(Failure::new(Status::Panicked, text))))
    }

    /// The result of a function of the input, which is `null` if there is none. If the function
    /// panics, so does the method.
    pub fn with<F>(function: F) -> Self
    where
        F: Fn(Value) -> Result<Value, MethodError> + Send + Sync + 'static,
    {
        Self::new(Kind::With(Arc::new(function)))
    }

    /// No answer, ever: the caller waits until its deadline.
    #[must_use]
    pub fn never() -> Self {
        Self::new(Kind::Never)
    }

    /// The same, after a delay.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, with a key and a value as metadata. More than 64 pairs, or 8 KiB, are left out.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push(key, value);
        self
    }

    fn new(kind: Kind) -> Self {
        Self { kind, delay: Duration::ZERO, metadata: Metadata::new() }
    }

    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    pub(super) fn along(&self) -> &Metadata {
        &self.metadata
    }

    /// The answer to a call with this input, if it has one.
    pub(super) fn answer(&self, input: Value) -> Option<Answer> {
        match &self.kind {
            Kind::Answer(answer) => Some(answer.clone()),
            Kind::With(function) => {
                let made = catch_unwind(AssertUnwindSafe(|| function(input)));
                let panicked = |_| Err(Failure::new(Status::Panicked, "a scripted reply panicked"));
                let answer = made.map(|made| match made {
                    Ok(output) => Ok(output.to_string().into()),
                    Err(error) => Err(error.into()),
                });
                Some(answer.unwrap_or_else(panicked))
            }
            Kind::Never => None,
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(answer) => answer.fmt(f),
            Self::With(_) => f.write_str("With(..)"),
            Self::Never => f.write_str("Never"),
        }
    }
}
