//! Middleware of a hub: each call passes it before it is made, and its outcome afterwards.
//! [`Builder::middleware`](crate::Builder::middleware) adds it.
//!
//! ```
//! use std::time::Instant;
//!
//! use brpc_socket::middleware::{Middleware, Next, Outcome, Outgoing};
//!
//! struct Timing;
//!
//! impl Middleware<Outgoing> for Timing {
//!     async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
//!         let (method, begin) = (call.method.clone(), Instant::now());
//!         let outcome = next.run(call).await;
//!         println!("{method} took {:?}", begin.elapsed());
//!         outcome
//!     }
//! }
//! ```
//!
//! Each call of a broadcast passes it separately.
//!
//! # Which outcome
//! Callers rely on the outcome to say truthfully whether the method ran ([`CallError::execution`]).
//! A middleware that doesn't pass the call on returns [`Overloaded`](CallErrorKind::Overloaded) or
//! [`Forbidden`](CallErrorKind::Forbidden). Once it has passed the call on, only the outcome that comes
//! back is true.
//!
//! # Cancel safety
//! When the caller drops the call, when its deadline passes, or when it is cancelled, the
//! middleware's future is dropped at its next `await`. The call that it passed on is cancelled as
//! well, wherever that is awaited, and the middleware can pass nothing more on. A panic reaches the
//! caller.

use brpc_core::{CallError, CallErrorKind, Response};
#[doc(inline)]
pub use brpc_rt::middleware::{CallKind, Middleware};
use bytes::Bytes;

pub use crate::outgoing::{Outcome, Outgoing};
pub use crate::retry::Retry;

/// The rest of the chain behind a middleware: further middleware, then the plugin. A clone that is
/// run makes the call again.
pub type Next = brpc_rt::middleware::Next<Outgoing>;

impl CallKind for Outgoing {
    type Output = Response<Bytes>;
    type Error = CallError;

    fn failed(message: String) -> CallError {
        CallErrorKind::Middleware { message }.into()
    }
}

/// Layers of [`tower`](https://docs.rs/tower) as middleware of a hub. With the feature `tower`.
///
/// ```
/// use brpc_socket::middleware::tower::TowerLayer;
/// use brpc_socket::Socket;
/// use tower::ServiceBuilder;
///
/// let limit = ServiceBuilder::new().load_shed().concurrency_limit(100);
/// let hub = Socket::builder().middleware(TowerLayer::new(limit)).build();
/// ```
///
/// Layers that depend on each other go into one stack, as here: a `TowerLayer` doesn't see whether
/// the next one is ready, so a `LoadShed` of its own would shed nothing.
///
/// If the error of a layer's service is a [`CallError`], boxed or not, the call ends in it. Any
/// other error becomes [`CallErrorKind::Middleware`], which doesn't say whether the method ran. Where
/// the layers know that, `ServiceBuilder::map_err` can say so.
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower {
    #[doc(inline)]
    pub use brpc_rt::middleware::tower::{PassOn, TowerLayer};

    /// A call on its way through layers, with the rest of the chain. A clone makes the call again.
    pub type Passing = brpc_rt::middleware::tower::Passing<super::Outgoing>;
}
