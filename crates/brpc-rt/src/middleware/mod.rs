//! Middleware, for calls in either direction.

#[cfg(feature = "tower")]
pub mod tower;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::BoxFuture;

/// The kind of calls that pass a [`Middleware`]: outgoing or incoming.
pub trait CallKind: Clone + fmt::Debug + Send + 'static {
    /// What a call returns if it succeeds.
    type Output: Send;

    /// What it returns otherwise.
    type Error: Error + Send + Sync + 'static;

    /// The error of a call of which a middleware only says that it failed.
    fn failed(message: String) -> Self::Error;
}

/// The outcome of a call.
pub type Outcome<C> = Result<<C as CallKind>::Output, <C as CallKind>::Error>;

/// Each call passes it on its way to the method, and the outcome on its way back.
///
/// It passes the call on with [`Next::run`]. It can read and change the call and the outcome, wait
/// first, pass the call on again, or return an outcome of its own.
///
/// # Cancel safety
/// When the caller no longer waits for the outcome, the future is dropped at its next `await`, and
/// the code after `next.run` doesn't run. What must be done in any case belongs into a `Drop`.
pub trait Middleware<C: CallKind>: Send + Sync + 'static {
    /// Handles a call.
    fn handle(&self, call: C, next: Next<C>) -> impl Future<Output = Outcome<C>> + Send;
}

/// The rest of the chain behind a middleware: further middleware, then its end, which makes the
/// call or runs the method. A clone that is run passes the call on again.
#[derive(Clone)]
pub struct Next<C> {
    chain: Chain<C>,
    /// How many middleware of the chain the call has passed.
    passed: usize,
    inner: Arc<dyn Inner<C>>,
}

impl<C: CallKind> Next<C> {
    /// Passes a call on.
    ///
    /// # Errors
    /// The error of the call, or of a middleware behind this one.
    ///
    /// # Cancel safety
    /// Dropping it drops the middleware behind this one, and cancels the call.
    pub async fn run(mut self, call: C) -> Outcome<C> {
        let Some(step) = self.chain.0.get(self.passed).cloned() else {
            return self.inner.run(call).await;
        };
        self.passed += 1;
        step.handle(call, self).await
    }
}

impl<C> fmt::Debug for Next<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.chain.0.len() - self.passed;
        f.debug_struct("Next").field("left", &left).finish_non_exhaustive()
    }
}

/// The middleware that all calls pass, the outermost first. A cheap clone.
#[derive(Clone)]
pub struct Chain<C>(Arc<Vec<Arc<dyn AnyMiddleware<C>>>>);

impl<C: CallKind> Chain<C> {
    /// Adds a middleware, as the innermost.
    pub fn push(&mut self, middleware: impl Middleware<C>) {
        Arc::make_mut(&mut self.0).push(Arc::new(middleware));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The whole chain, around its end.
    pub fn around(self, inner: Arc<dyn Inner<C>>) -> Next<C> {
        Next { chain: self, passed: 0, inner }
    }
}

impl<C> Default for Chain<C> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<C> fmt::Debug for Chain<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chain").field(&self.0.len()).finish()
    }
}

/// The end of a chain, behind all middleware.
pub trait Inner<C: CallKind>: Send + Sync {
    /// Makes the call, or runs its method, however long the middleware has taken.
    fn run(self: Arc<Self>, call: C) -> BoxFuture<Outcome<C>>;
}

/// A [`Middleware`] of any type.
trait AnyMiddleware<C: CallKind>: Send + Sync {
    fn handle(self: Arc<Self>, call: C, next: Next<C>) -> BoxFuture<Outcome<C>>;
}

impl<C: CallKind, M: Middleware<C>> AnyMiddleware<C> for M {
    fn handle(self: Arc<Self>, call: C, next: Next<C>) -> BoxFuture<Outcome<C>> {
        Box::pin(async move { Middleware::handle(&*self, call, next).await })
    }
}
