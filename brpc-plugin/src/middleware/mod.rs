//! What stands between a hub's calls and the methods.

#[cfg(feature = "tower")]
pub mod tower;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use brpc_core::Answer;
use bytes::Bytes;

use crate::Context;
use crate::receiver::BoxFuture;

/// Something that each call of a plugin goes through on its way to the method, and its answer on
/// the way back. [`Plugin::middleware`](crate::Plugin::middleware) adds it.
///
/// It passes the call on with [`Next::run`], and can look at both, change both, wait before it, or
/// answer itself:
///
/// ```
/// use brpc_plugin::Answer;
/// use brpc_plugin::middleware::{Incoming, Middleware, Next};
/// use brpc_plugin::{Failure, Status};
///
/// /// Only those who know the word may call.
/// struct Password(&'static str);
///
/// impl Middleware for Password {
///     async fn handle(&self, call: Incoming, next: Next) -> Answer {
///         if call.context.metadata().get("password") != Some(self.0) {
///             return Err(Failure::new(Status::Forbidden, "say the word"));
///         }
///         next.run(call).await
///     }
/// }
/// ```
///
/// # Which answer
/// A failure with [`Status::MethodNotFound`](brpc_core::Status::MethodNotFound) and those below it
/// up to `Expired`, and `Forbidden`, say that the method has not run and never will: callers repeat
/// such calls. Once a call was passed on, only what came back says that truthfully.
///
/// # Cancel safety
/// When nobody waits for the answer any more, the future is dropped at its next `await`, and an async
/// method with it: what stands behind `next.run` doesn't run then, so what must be done in any case
/// belongs into a `Drop`. A method that is marked `no_cancel` or `blocking` runs to its end, and
/// what is around it stays until then; if a middleware drops it nevertheless, it runs on alone, and
/// the call is answered, and its place is free, when both are over. A panic is answered as one of
/// the method's.
pub trait Middleware: Send + Sync + 'static {
    /// Handles a call.
    fn handle(&self, call: Incoming, next: Next) -> impl Future<Output = Answer> + Send;
}

/// A call on its way to the method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Incoming {
    /// The name of the method.
    pub method: &'static str,
    /// What the method knows of the call. All clones speak of the same call.
    pub context: Context,
    /// The encoded input; empty for none.
    pub input: Bytes,
}

impl Incoming {
    pub(crate) fn new(method: &'static str, context: Context, input: Bytes) -> Self {
        Self { method, context, input }
    }
}

/// What is behind a middleware: others, and at last the method. A clone that can be run again runs
/// the method again.
#[derive(Clone)]
pub struct Next {
    chain: Chain,
    /// How many of the chain the call has been through.
    passed: usize,
    inner: Arc<dyn Inner>,
}

/// The middleware of a plugin, the outermost first.
pub(crate) type Chain = Arc<[Arc<dyn AnyMiddleware>]>;

/// A method with what it is called on.
pub(crate) trait Inner: Send + Sync {
    /// Runs it, however much time has gone by since the call came.
    fn run(&self, call: Incoming) -> BoxFuture<Answer>;
}

impl Next {
    pub(crate) fn new(chain: Chain, inner: Arc<dyn Inner>) -> Self {
        Self { chain, passed: 0, inner }
    }

    /// Passes a call on.
    ///
    /// A call whose time is over, or that nobody waits for any more, does not reach the method, and
    /// is answered so.
    ///
    /// # Errors
    /// What the method, or another middleware, failed with. A panic of the method comes back as one.
    ///
    /// # Cancel safety
    /// Dropping it drops the method, or the middleware, that runs; a blocking method runs to its end.
    pub async fn run(mut self, call: Incoming) -> Answer {
        let Some(step) = self.chain.get(self.passed).cloned() else {
            return self.inner.run(call).await;
        };
        self.passed += 1;
        step.handle(call, self).await
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.chain.len() - self.passed;
        f.debug_struct("Next").field("left", &left).finish_non_exhaustive()
    }
}

/// A [`Middleware`] of any type.
pub(crate) trait AnyMiddleware: Send + Sync {
    fn handle(self: Arc<Self>, call: Incoming, next: Next) -> BoxFuture<Answer>;
}

impl<M: Middleware> AnyMiddleware for M {
    fn handle(self: Arc<Self>, call: Incoming, next: Next) -> BoxFuture<Answer> {
        Box::pin(async move { Middleware::handle(&*self, call, next).await })
    }
}
