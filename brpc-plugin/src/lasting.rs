//! What outlives one connection of a plugin.

use std::sync::Arc;
use std::time::Duration;

use brpc_core::{Limits, RefusalCode, Wire};
use brpc_proto::codec::{Codec, Native};
use brpc_proto::{Connection, Features, Hello, Role};
use brpc_rt::SharedConnection;
use brpc_rt::serving::{Handlers, Receiver, Remaining, Resuming, Service};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::address::HubAddress;
use crate::channel::Channel;
use crate::credentials::Credentials;
use crate::dial::{Dialled, dial};
use crate::error::ConnectError;
use crate::link::HubLink;
use crate::secure::{Report, Secure, secure};
use crate::session::Session;

/// What a plugin's connections have in common, and what outlives each of them. All else belongs to
/// one connection, so nothing of an old one reaches a new one.
pub(crate) struct Lasting<R> {
    /// What it serves; with its hook, which sends events over the connections that are open.
    pub(crate) service: Service<R>,
    /// Who it is, with the random number of this instance.
    pub(crate) hello: Hello,
    /// What it shows its hub, beside that.
    pub(crate) credentials: Credentials,
    /// How it encrypts what it says.
    pub(crate) secure: Secure,
    pub(crate) limits: Limits,
    /// The wire that its hub speaks.
    pub(crate) wire: Wire,
    /// The calls that outlive a connection; `None` if none do.
    pub(crate) resuming: Option<Arc<Resuming>>,
}

impl<R: Receiver> Lasting<R> {
    /// Dials this hub, and returns when it has registered the plugin. The name's look-up and each address
    /// get so much time; the handshake of TLS as much as brpc's own.
    pub(crate) async fn dial(
        &self,
        hub: HubAddress,
        limit: Option<Duration>,
        handlers: Remaining,
    ) -> Result<Session<R>, ConnectError> {
        let tls = self.secure.settings(&hub)?;
        let host = hub.host().map(ToOwned::to_owned);
        let (dialled, channel) = dial(hub, limit).await?;
        let stream = match dialled {
            Dialled::Unix(stream) => return self.open(stream, channel, handlers).await,
            Dialled::Tcp(stream) => stream,
        };
        let Some(tls) = tls else { return self.open(stream, channel, handlers).await };
        let host = host.or_else(|| Some(channel.hub?.ip().to_string())).unwrap_or_default();
        let report = Report::default();
        let securing = secure(tls, &host, stream, &report);
        let stream = match timeout(self.limits.hello_deadline, securing).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(ConnectError::TimedOut),
        };
        let channel = Channel::encrypted(channel.hub);
        self.open(stream, channel, handlers).await.map_err(|error| match report.error() {
            Some(reason) if matches!(error, ConnectError::Lost(_)) => reason.into(),
            _ => error,
        })
    }

    /// Opens a connection over this stream, and returns when the hub has registered the plugin. Its
    /// handlers are counted among these.
    pub(crate) async fn open<S>(
        &self,
        stream: S,
        channel: Channel,
        handlers: Remaining,
    ) -> Result<Session<R>, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (codec, mut hello, limits) =
            (codec(self.wire), self.hello.clone(), self.limits.clone());
        if self.wire == Wire::Native {
            let shown = self.credentials.add_to(&mut hello, channel).await;
            shown.map_err(ConnectError::Credentials)?;
        }
        if self.resuming.is_some() {
            hello.features = Features::RESUME;
        }
        let connection = Connection::dialled(codec, hello, limits, brpc_rt::now());
        let connection = Arc::new(SharedConnection::new(connection));
        let handlers = Handlers::new(connection, &self.service, handlers, self.resuming.clone());
        Session::open(HubLink::new(handlers, channel.hub), stream).await
    }

    /// Whether the hub refuses the plugin for what it has shown, and it may show something else at
    /// another attempt.
    pub(crate) fn may_be_known_later(&self, error: &ConnectError) -> bool {
        use RefusalCode::{AuthFailed, AuthRequired, NameNotAllowed};
        match error {
            ConnectError::Refused(refusal) => {
                matches!(refusal.code, AuthFailed | AuthRequired | NameNotAllowed)
                    && (self.credentials.may_change() || self.secure.may_change())
            }
            #[cfg(any(feature = "tls", feature = "tls-ring"))]
            ConnectError::Tls(error) => {
                error.refused_by() == brpc_core::Side::Peer && self.secure.may_change()
            }
            _ => false,
        }
    }
}

/// The codec of a hub's wire.
pub(crate) fn codec(wire: Wire) -> Box<dyn Codec> {
    match wire {
        #[cfg(feature = "gob")]
        Wire::Gob => brpc_gob::plugin_codec(),
        _ => Box::new(Native::new(Role::Plugin)),
    }
}
