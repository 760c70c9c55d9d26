//! [`tower`](https://docs.rs/tower)'s layers as middleware of a hub, and a hub as a service of
//! `tower`'s. With the feature `tower`.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use brpc_core::{CallError, Response};
use bytes::Bytes;
use serde::Serialize;
use tower_layer::Layer;
use tower_service::Service;

use super::{BoxOutcome, Middleware, Next, Outcome, Outgoing, through};
use crate::Socket;

/// A layer as middleware of a hub.
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
/// The service that the layer makes is cloned for each call, so its clones are to share what it
/// counts, as those of `tower` do.
///
/// An error of the service that is a [`CallError`], boxed or not, is what the call ends in; any other
/// makes it end in [`CallError::Middleware`], which doesn't say whether the method ran. Where the
/// layers know that, `ServiceBuilder::map_err` can say so.
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
    S: Service<Passing, Response = Response<Bytes>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
    async fn call(&self, call: Outgoing, next: Next) -> Outcome {
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        poll_fn(|context| service.poll_ready(context)).await.map_err(into_call_error)?;
        service.call(Passing { call, next }).await.map_err(into_call_error)
    }
}

fn into_call_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> CallError {
    match error.into().downcast::<CallError>() {
        Ok(error) => *error,
        Err(error) => CallError::Middleware { message: error.to_string() },
    }
}

impl<S> fmt::Debug for TowerLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerLayer").finish_non_exhaustive()
    }
}

/// A call on its way through layers, and what is behind them. A clone makes the call again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Passing {
    /// The call.
    pub call: Outgoing,
    next: Next,
}

/// The service behind all layers: it passes a call on.
#[derive(Clone, Copy, Debug)]
pub struct PassOn(());

impl Service<Passing> for PassOn {
    type Response = Response<Bytes>;
    type Error = CallError;
    type Future = BoxOutcome;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Passing { call, next }: Passing) -> BoxOutcome {
        Box::pin(next.run(call))
    }
}

/// A hub makes calls as a service. They go through its middleware as all do.
///
/// ```no_run
/// # async fn example(hub: brpc_socket::Socket) -> Result<(), tower::BoxError> {
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// let call = hub.outgoing("calculator", "add", &serde_json::json!({"a": 1, "b": 2}))?;
/// let mut calls = ServiceBuilder::new().concurrency_limit(10).load_shed().service(hub);
/// let sum: i64 = serde_json::from_slice(&calls.ready().await?.call(call).await?.output)?;
/// # Ok(())
/// # }
/// ```
impl Service<Outgoing> for Socket {
    type Response = Response<Bytes>;
    type Error = CallError;
    type Future = BoxOutcome;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Outgoing) -> BoxOutcome {
        through(self.hub().clone(), call, None, false)
    }
}

impl Socket {
    /// A call for [`Service::call`], with the hub's default timeout. With the feature `tower`.
    ///
    /// # Errors
    /// [`InvalidInput`](CallError::InvalidInput), if the input doesn't encode.
    pub fn outgoing(
        &self,
        plugin: &str,
        method: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Result<Outgoing, CallError> {
        self.outgoing_to(plugin, method, input)
    }
}
