//! What stands between those who call and the methods: once, for calls of either direction.

#[cfg(feature = "tower")]
pub mod tower;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::BoxFuture;

/// Which calls go through a [`Middleware`]: those that are made, or those that come in.
pub trait CallKind: Clone + fmt::Debug + Send + 'static {
    /// What a call gives if it succeeds.
    type Output: Send;

    /// What it ends in otherwise.
    type Error: Error + Send + Sync + 'static;

    /// What a call ends in of which a middleware only says that something failed.
    fn failed(message: String) -> Self::Error;
}

/// What a call comes to.
pub type Outcome<C> = Result<<C as CallKind>::Output, <C as CallKind>::Error>;

/// Something that each call goes through on its way to the method, and its outcome on the way back.
///
/// It passes the call on with [`Next::run`], and can look at both, change both, wait before it, pass
/// it on again, or answer itself.
///
/// # Cancel safety
/// When nobody waits for the outcome any more, the future is dropped at its next `await`: what stands
/// behind `next.run` doesn't run then, so what must be done in any case belongs into a `Drop`.
pub trait Middleware<C: CallKind>: Send + Sync + 'static {
    /// Handles a call.
    fn handle(&self, call: C, next: Next<C>) -> impl Future<Output = Outcome<C>> + Send;
}

/// What is behind a middleware: others, and at last whoever makes the call or runs the method. A
/// clone that is run passes the call on once more.
#[derive(Clone)]
pub struct Next<C> {
    chain: Chain<C>,
    /// How many of the chain the call has been through.
    passed: usize,
    inner: Arc<dyn Inner<C>>,
}

impl<C: CallKind> Next<C> {
    /// Passes a call on.
    ///
    /// # Errors
    /// What the call, or another middleware, ended in.
    ///
    /// # Cancel safety
    /// Dropping it drops the middleware behind, and gives the call up.
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

/// What all calls go through, the outermost first. A cheap clone.
#[derive(Clone)]
pub struct Chain<C>(Arc<Vec<Arc<dyn AnyMiddleware<C>>>>);

impl<C: CallKind> Chain<C> {
    /// Adds an innermost one.
    pub fn push(&mut self, middleware: impl Middleware<C>) {
        Arc::make_mut(&mut self.0).push(Arc::new(middleware));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it, around what is behind.
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

/// What is behind all middleware.
pub trait Inner<C: CallKind>: Send + Sync {
    /// Makes the call, or runs its method, however much time has gone by.
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
