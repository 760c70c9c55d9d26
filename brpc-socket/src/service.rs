//! A hub as a `tower` service.

use std::task::{Context, Poll};

use brpc_core::{CallError, CallErrorKind, Response};
use brpc_rt::BoxFuture;
use bytes::Bytes;
use serde::Serialize;
use tower_service::Service;

use crate::calls::through;
use crate::outgoing::{Outcome, Outgoing};
use crate::socket::Socket;

/// A hub makes calls as a service. They pass its middleware, like all calls.
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
    type Future = BoxFuture<Outcome>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Outgoing) -> BoxFuture<Outcome> {
        let called = call.called();
        through(self.hub().clone(), call, called, None, false)
    }
}

impl Socket {
    /// Prepares a call for [`Service::call`], with the hub's default timeout. With the feature
    /// `tower`.
    ///
    /// # Errors
    /// [`InvalidInput`](CallErrorKind::InvalidInput), if the input doesn't encode.
    pub fn outgoing(
        &self,
        plugin: &str,
        method: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Result<Outgoing, CallError> {
        let call = self.outgoing_to(plugin, method, input);
        call.map_err(|kind: CallErrorKind| CallError::from(kind).named(plugin, method))
    }
}
