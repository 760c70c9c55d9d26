//! What stands between those who call and the plugins.

mod attempts;
#[cfg(feature = "tower")]
pub mod tower;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use self::attempts::Attempts;
pub(crate) use self::attempts::through;
pub use crate::outgoing::{Outcome, Outgoing};

/// Something that each call of a hub goes through before it is made, and its outcome afterwards.
/// [`Builder::middleware`](crate::Builder::middleware) adds it.
///
/// It passes the call on with [`Next::run`], and can look at both, change both, wait before it, make
/// it again, or answer itself:
///
/// ```
/// use std::time::Instant;
///
/// use brpc_socket::middleware::{Middleware, Next, Outcome, Outgoing};
///
/// struct Timing;
///
/// impl Middleware for Timing {
///     async fn call(&self, call: Outgoing, next: Next) -> Outcome {
///         let (method, begin) = (call.method.clone(), Instant::now());
///         let outcome = next.run(call).await;
///         println!("{method} took {:?}", begin.elapsed());
///         outcome
///     }
/// }
/// ```
///
/// Each call of a broadcast goes through by itself.
///
/// # Which outcome
/// What comes back says truthfully whether the method ran, and callers rely on it
/// ([`CallError::execution`](crate::CallError::execution)). A middleware that answers itself without passing the call on has
/// [`Overloaded`](crate::CallError::Overloaded) and [`Forbidden`](crate::CallError::Forbidden); once a call was
/// passed on, only what came back is true.
///
/// # Cancel safety
/// When the caller drops the call, when its time is over, or when it is cancelled, the future is
/// dropped at its next `await`: what stands behind `next.run` doesn't run then, so what must be done
/// in any case belongs into a `Drop`. Whatever was passed on is given up with it, wherever it is
/// awaited, and nothing more can be passed on. A panic is the caller's.
pub trait Middleware: Send + Sync + 'static {
    /// Handles a call.
    fn call(&self, call: Outgoing, next: Next) -> impl Future<Output = Outcome> + Send;
}

/// What is behind a middleware: others, and at last the plugin. A clone that is run again makes the
/// call again.
#[derive(Clone)]
pub struct Next {
    attempts: Arc<Attempts>,
    /// How many of the hub's middleware the call has been through.
    passed: usize,
}

impl Next {
    /// Passes a call on.
    ///
    /// # Errors
    /// What the call, or another middleware, ended in.
    ///
    /// # Cancel safety
    /// Dropping it gives the call up.
    pub async fn run(mut self, call: Outgoing) -> Outcome {
        let Some(step) = self.attempts.step(self.passed) else {
            return self.attempts.make(call).await;
        };
        self.passed += 1;
        step.call(call, self).await
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("passed", &self.passed).finish_non_exhaustive()
    }
}

/// What a hub has of middleware, the outermost first.
pub(crate) type Chain = Vec<Arc<dyn AnyMiddleware>>;

/// A [`Middleware`] of any type.
pub(crate) trait AnyMiddleware: Send + Sync {
    fn call(self: Arc<Self>, call: Outgoing, next: Next) -> BoxOutcome;
}

/// An outcome to come.
pub(crate) type BoxOutcome = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl<M: Middleware> AnyMiddleware for M {
    fn call(self: Arc<Self>, call: Outgoing, next: Next) -> BoxOutcome {
        Box::pin(async move { Middleware::call(&*self, call, next).await })
    }
}
