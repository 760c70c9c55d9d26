//! Layers of [`tower`](https://docs.rs/tower) as middleware.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tower_layer::Layer;
use tower_service::Service;

use super::{CallKind, Middleware, Next, Outcome};
use crate::BoxFuture;

/// A layer as middleware.
///
/// What is behind it in the chain always counts as ready, also another `TowerLayer`: that one waits
/// when the call has reached it. So layers that ask the next one whether it is ready, as `LoadShed`
/// does, belong together with it into one stack, made with a `ServiceBuilder`, in one `TowerLayer`.
///
/// The layer's service is cloned for each call. Its clones must share what they count, as those of
/// `tower` do.
pub struct TowerLayer<S> {
    // For `Sync`, which few services are.
    service: Mutex<S>,
}

impl<S> TowerLayer<S> {
    /// Puts the layer around the rest of the chain.
    pub fn new(layer: impl Layer<PassOn, Service = S>) -> Self {
        Self { service: Mutex::new(layer.layer(PassOn(()))) }
    }
}

impl<C: CallKind, S> Middleware<C> for TowerLayer<S>
where
    S: Service<Passing<C>, Response = C::Output> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
    async fn handle(&self, call: C, next: Next<C>) -> Outcome<C> {
        let mut service = self.service.lock().clone();
        poll_fn(|context| service.poll_ready(context)).await.map_err(error_of::<C>)?;
        service.call(Passing { call, next }).await.map_err(error_of::<C>)
    }
}

/// The error of a call whose layer failed. The layer's error may be that of the call, boxed.
fn error_of<C: CallKind>(error: impl Into<Box<dyn Error + Send + Sync>>) -> C::Error {
    match error.into().downcast::<C::Error>() {
        Ok(error) => *error,
        Err(error) => C::failed(error.to_string()),
    }
}

impl<S> fmt::Debug for TowerLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerLayer").finish_non_exhaustive()
    }
}

/// A call on its way through layers, with the rest of the chain. A clone passes the call on again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Passing<C> {
    /// The call.
    pub call: C,
    next: Next<C>,
}

/// The service behind all layers; it passes a call on.
#[derive(Clone, Copy, Debug)]
pub struct PassOn(());

impl<C: CallKind> Service<Passing<C>> for PassOn {
    type Response = C::Output;
    type Error = C::Error;
    type Future = BoxFuture<Outcome<C>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Passing { call, next }: Passing<C>) -> Self::Future {
        Box::pin(next.run(call))
    }
}
