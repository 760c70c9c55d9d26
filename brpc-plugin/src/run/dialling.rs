//! How a plugin that stays connected opens a connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use brpc_rt::BoxFuture;
use brpc_rt::serving::{Receiver, Remaining};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::address::HubAddress;
use crate::channel::Channel;
use crate::error::ConnectError;
use crate::lasting::Lasting;
use crate::session::Session;

/// How long each address of a hub, and the look-up of its name, may take. The system would try for
/// minutes to reach a host that doesn't answer.
const ADDRESS: Duration = Duration::from_secs(5);

/// How long a user's own way of dialling may take.
const OWN: Duration = Duration::from_secs(10);

/// Opens connections.
pub(super) enum Dialling<R: Receiver> {
    /// Over TCP, to one of these.
    Tcp(Vec<HubAddress>),
    /// As the user does.
    Own(Box<Open<R>>),
}

/// Opens a connection, and returns when the hub has registered the plugin.
type Open<R> =
    dyn Fn(Arc<Lasting<R>>, Remaining) -> BoxFuture<Result<Session<R>, ConnectError>> + Send + Sync;

impl<R: Receiver> Dialling<R> {
    /// The user's own way.
    pub(super) fn own<D, F, S>(open: D) -> Self
    where
        D: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::Own(Box::new(move |lasting, handlers| {
            let stream = open();
            Box::pin(async move {
                let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
                let stream = timeout(OWN, stream).await.unwrap_or_else(|_| Err(late()));
                let stream = stream.map_err(ConnectError::Dial)?;
                lasting.open(stream, Channel::own(), handlers).await
            })
        }))
    }

    /// How many hubs there are to choose from.
    pub(super) fn hubs(&self) -> usize {
        match self {
            Self::Tcp(hubs) => hubs.len(),
            Self::Own(_) => 1,
        }
    }

    /// The address of a hub, if it is dialled by that.
    pub(super) fn address(&self, hub: usize) -> Option<&HubAddress> {
        match self {
            Self::Tcp(hubs) => hubs.get(hub),
            Self::Own(_) => None,
        }
    }

    /// Checks what can be checked before any attempt.
    pub(super) fn check(&self) -> Result<(), ConnectError> {
        match self {
            Self::Tcp(hubs) if hubs.is_empty() => {
                Err(ConnectError::Address(HubAddress::nowhere().error()))
            }
            Self::Tcp(hubs) => {
                hubs.iter().try_for_each(|hub| hub.check().map_err(ConnectError::Address))
            }
            Self::Own(_) => Ok(()),
        }
    }

    /// Opens a connection to this hub.
    pub(super) async fn open(
        &self,
        hub: usize,
        lasting: &Arc<Lasting<R>>,
        handlers: Remaining,
    ) -> Result<Session<R>, ConnectError> {
        match self {
            Self::Tcp(hubs) => lasting.dial(hubs[hub].clone(), Some(ADDRESS), handlers).await,
            Self::Own(open) => open(lasting.clone(), handlers).await,
        }
    }
}
