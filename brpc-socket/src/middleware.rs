//! What stands between those who call and the plugins: each call of a hub goes through it before it is
//! made, and its outcome afterwards. [`Builder::middleware`](crate::Builder::middleware) adds it.
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
//! Each call of a broadcast goes through by itself.
//!
//! # Which outcome
//! What comes back says truthfully whether the method ran, and callers rely on it
//! ([`CallError::execution`]). A middleware that answers itself without passing the call on has
//! [`Overloaded`](CallError::Overloaded) and [`Forbidden`](CallError::Forbidden); once a call was
//! passed on, only what came back is true.
//!
//! # Cancel safety
//! When the caller drops the call, when its time is over, or when it is cancelled, the middleware's
//! future is dropped at its next `await`. Whatever was passed on is given up with it, wherever it is
//! awaited, and nothing more can be passed on. A panic is the caller's.

use brpc_core::{CallError, Response};
#[doc(inline)]
pub use brpc_rt::middleware::{CallKind, Middleware};
use bytes::Bytes;

pub use crate::outgoing::{Outcome, Outgoing};

/// What is behind a middleware: others, and at last the plugin. A clone that is run again makes the
/// call again.
pub type Next = brpc_rt::middleware::Next<Outgoing>;

impl CallKind for Outgoing {
    type Output = Response<Bytes>;
    type Error = CallError;

    fn failed(message: String) -> CallError {
        CallError::Middleware { message }
    }
}

/// [`tower`](https://docs.rs/tower)'s layers as middleware of a hub. With the feature `tower`.
///
/// ```
/// use brpc_socket::middleware::tower::TowerLayer;
/// use brpc_socket::Socket;
/// use tower::limit::ConcurrencyLimitLayer;
///
/// let limit = TowerLayer::new(ConcurrencyLimitLayer::new(100));
/// let hub = Socket::builder().middleware(limit).build();
/// ```
///
/// An error of a layer's service that is a [`CallError`], boxed or not, is what the call ends in; any
/// other makes it end in [`CallError::Middleware`], which doesn't say whether the method ran. Where
/// the layers know that, `ServiceBuilder::map_err` can say so.
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower {
    #[doc(inline)]
    pub use brpc_rt::middleware::tower::{PassOn, TowerLayer};

    /// A call on its way through layers, and what is behind them. A clone makes the call again.
    pub type Passing = brpc_rt::middleware::tower::Passing<super::Outgoing>;
}
