//! Middleware of a plugin: each call passes it on its way to the method, and its answer on its way
//! back. [`Plugin::middleware`](crate::Plugin::middleware) adds it.
//!
//! ```
//! use brpc_plugin::middleware::{Incoming, Middleware, Next};
//! use brpc_plugin::{Answer, Failure, Status};
//!
//! /// Only those who know the word may call.
//! struct Password(&'static str);
//!
//! impl Middleware<Incoming> for Password {
//!     async fn handle(&self, call: Incoming, next: Next) -> Answer {
//!         if call.context.metadata().get("password") != Some(self.0) {
//!             return Err(Failure::new(Status::Forbidden, "say the word"));
//!         }
//!         next.run(call).await
//!     }
//! }
//! ```
//!
//! # Which answer
//! Callers rely on the answer to say truthfully whether the method ran. A failure with
//! [`Status::MethodNotFound`](brpc_core::Status::MethodNotFound), one of those after it up to
//! `Expired`, or `Forbidden` says that the method has not run and never will, and callers repeat
//! such calls. Once a middleware has passed the call on, only the answer that comes back is true. A
//! call that is passed on after its deadline, or after it was cancelled, does not reach the method,
//! and fails with that status. A panic of the method comes back as a failure.
//!
//! # Cancel safety
//! When the call is cancelled, its deadline passes or the connection ends, the middleware's future
//! is dropped at its next `await`, and an async method with it. A method that is marked `no_cancel`
//! or `blocking` runs to its end, and the middleware around it stays until then. If a middleware
//! drops such a method nevertheless, the method runs on alone; the call is answered, and its place
//! is free, when both have ended. A panic of a middleware is answered like one of the method.

#[doc(inline)]
pub use brpc_rt::middleware::{CallKind, Middleware};
#[doc(inline)]
pub use brpc_rt::serving::Incoming;

/// The rest of the chain behind a middleware: further middleware, then the method. A clone that is
/// run runs the method again.
pub type Next = brpc_rt::middleware::Next<Incoming>;

/// Layers of [`tower`](https://docs.rs/tower) as middleware of a plugin. With the feature `tower`.
///
/// ```
/// # fn example<R: brpc_plugin::Receiver>(receiver: R) {
/// use brpc_plugin::Plugin;
/// use brpc_plugin::middleware::tower::TowerLayer;
/// use tower::ServiceBuilder;
///
/// let limit = ServiceBuilder::new().load_shed().concurrency_limit(4);
/// let plugin = Plugin::new(receiver).middleware(TowerLayer::new(limit));
/// # }
/// ```
///
/// Layers that depend on each other go into one stack, as here: a `TowerLayer` doesn't see whether
/// the next one is ready, so a `LoadShed` of its own would shed nothing.
///
/// If the error of a layer's service is a [`Failure`](brpc_core::Failure), boxed or not, it is the
/// answer. Any other error becomes a method's error with its text. Where the layers know more, such
/// as that they are overloaded, `ServiceBuilder::map_err` can say so.
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower {
    #[doc(inline)]
    pub use brpc_rt::middleware::tower::{PassOn, TowerLayer};

    /// A call on its way through layers, with the rest of the chain. A clone runs the method again.
    pub type Passing = brpc_rt::middleware::tower::Passing<super::Incoming>;
}
