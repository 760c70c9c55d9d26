//! What stands between a hub's calls and the methods: each call of a plugin goes through it on its way
//! to the method, and its answer on the way back. [`Plugin::middleware`](crate::Plugin::middleware)
//! adds it.
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
//! A failure with [`Status::MethodNotFound`](brpc_core::Status::MethodNotFound) and those below it
//! up to `Expired`, and `Forbidden`, say that the method has not run and never will: callers repeat
//! such calls. Once a call was passed on, only what came back says that truthfully. A call whose time
//! is over, or that nobody waits for any more, does not reach the method when it is passed on, and is
//! answered so. A panic of the method comes back as a failure.
//!
//! # Cancel safety
//! When nobody waits for the answer any more, the middleware's future is dropped at its next `await`,
//! and an async method with it. A method that is marked `no_cancel` or `blocking` runs to its end, and
//! what is around it stays until then; if a middleware drops it nevertheless, it runs on alone, and
//! the call is answered, and its place is free, when both are over. A panic is answered as one of
//! the method's.

#[doc(inline)]
pub use brpc_rt::middleware::{CallKind, Middleware};
#[doc(inline)]
pub use brpc_rt::serving::Incoming;

/// What is behind a middleware: others, and at last the method. A clone that is run again runs the
/// method again.
pub type Next = brpc_rt::middleware::Next<Incoming>;

/// [`tower`](https://docs.rs/tower)'s layers as middleware of a plugin. With the feature `tower`.
///
/// ```
/// # fn example<R: brpc_plugin::Receiver>(receiver: R) {
/// use brpc_plugin::Plugin;
/// use brpc_plugin::middleware::tower::TowerLayer;
/// use tower::limit::ConcurrencyLimitLayer;
///
/// let limit = TowerLayer::new(ConcurrencyLimitLayer::new(4));
/// let plugin = Plugin::new(receiver).middleware(limit);
/// # }
/// ```
///
/// An error of a layer's service that is a [`Failure`](brpc_core::Failure), boxed or not, is the answer; any other is
/// answered as a method's error with its text. Where the layers know better, as that they are
/// overloaded, `ServiceBuilder::map_err` can say so.
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower {
    #[doc(inline)]
    pub use brpc_rt::middleware::tower::{PassOn, TowerLayer};

    /// A call on its way through layers, and what is behind them. A clone runs the method again.
    pub type Passing = brpc_rt::middleware::tower::Passing<super::Incoming>;
}
