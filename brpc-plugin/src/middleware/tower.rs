//! [`tower`](https://docs.rs/tower)'s layers as middleware of a plugin. With the feature `tower`.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use brpc_core::{Answer, Failure, MethodError};
use bytes::Bytes;
use tower_layer::Layer;
use tower_service::Service;

use super::{Incoming, Middleware, Next};
use crate::receiver::BoxFuture;

/// A layer as middleware of a plugin.
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
/// The service that the layer makes is cloned for each call, so its clones are to share what it
/// counts, as those of `tower` do.
///
/// An error of the service that is a [`Failure`], boxed or not, is the answer; any other is answered
/// as a method's error with its text. Where the layers know better, as that they are overloaded,
/// `ServiceBuilder::map_err` can say so.
pub struct TowerLayer<S> {
    // For `Sync`, which few services are.
    service: Mutex<S>,
}

impl<S> TowerLayer<S> {
    /// The layer around what is behind the middleware.
    pub fn new(layer: impl Layer<PassOn, Service = S>) -> Self {
        Self { service: Mutex::new(layer.layer(PassOn(()))) }
    }
}

impl<S> Middleware for TowerLayer<S>
where
    S: Service<Passing, Response = Bytes> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
    async fn handle(&self, call: Incoming, next: Next) -> Answer {
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        poll_fn(|context| service.poll_ready(context)).await.map_err(into_failure)?;
        service.call(Passing { call, next }).await.map_err(into_failure)
    }
}

fn into_failure(error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    match error.into().downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(error) => MethodError::new(MethodError::UNSPECIFIED, error.to_string()).into(),
    }
}

impl<S> fmt::Debug for TowerLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerLayer").finish_non_exhaustive()
    }
}

/// A call on its way through layers, and what is behind them. A clone runs the method again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Passing {
    /// The call.
    pub call: Incoming,
    next: Next,
}

/// The service behind all layers: it passes a call on.
#[derive(Clone, Copy, Debug)]
pub struct PassOn(());

impl Service<Passing> for PassOn {
    type Response = Bytes;
    type Error = Failure;
    type Future = BoxFuture<Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Passing { call, next }: Passing) -> BoxFuture<Answer> {
        Box::pin(next.run(call))
    }
}
