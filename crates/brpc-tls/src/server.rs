//! TLS at a hub.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::PROTOCOL;
use crate::error::{Role, TlsError, TlsSettingsError};
use crate::metered::Metered;
use crate::own::{Own, own};
use crate::pinned::Pin;
use crate::provider::{provider, versions};
use crate::report::Report;
use crate::roots::{self, Roots};
use crate::source::Source;
use crate::stream::TlsStream;

/// How often files are looked at, at most.
const UNSEEN: Duration = Duration::from_secs(1);

/// TLS at a hub: its certificate and key, and whose certificates it wants to see. A cheap clone.
///
/// It speaks TLS 1.3, resumes no sessions (a resumed one would not check the certificate again), and
/// accepts clients that name the protocol `brpc/1` (ALPN) or none.
///
/// What is given as files is read again when the files change: they are looked at when a handshake
/// begins, at most once a second. Connections that are open go on. If a changed file can't be read, or
/// a key doesn't belong to its certificate, what was read before stays in use, and the log says so at
/// the level error, once for each change.
#[derive(Clone)]
pub struct ServerTls {
    own: Own,
    clients: Clients,
    allows_tls12: bool,
    composed: Arc<Mutex<Option<Composed>>>,
}

/// Whether a hub asks plugins for certificates, and who may have issued them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Clients {
    /// It asks for none. The default.
    #[default]
    None,
    /// It asks, and lets plugins in that have none. One that is no good is refused.
    Wanted(Roots),
    /// It lets nobody in without one.
    Demanded(Roots),
}

/// The settings, with what they were made of.
struct Composed {
    own: Arc<CertifiedKey>,
    roots: Option<Arc<roots::Loaded>>,
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// The hub's certificate, followed by those between it and its CA, and its private key, in PEM files.
    ///
    /// # Errors
    /// If a file can't be read or isn't what is expected, or the key isn't that of the certificate.
    pub fn files(
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsSettingsError> {
        Self::new(&Source::file(certificates), &Source::file(key))
    }

    /// The same as PEM. Nothing is read again.
    ///
    /// # Errors
    /// As [`files`](Self::files).
    pub fn pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsSettingsError> {
        Self::new(&Source::bytes(certificates), &Source::bytes(key))
    }

    fn new(certificates: &Source, key: &Source) -> Result<Self, TlsSettingsError> {
        Ok(Self {
            own: own(certificates, key)?,
            clients: Clients::None,
            allows_tls12: false,
            composed: Arc::default(),
        })
    }

    /// Whether plugins show certificates. Default: [`Clients::None`].
    #[must_use]
    pub fn clients(self, clients: Clients) -> Self {
        Self { clients, composed: Arc::default(), ..self }
    }

    /// Speaks TLS 1.2 as well, for plugins behind what can't do better. Default: TLS 1.3 only.
    #[must_use]
    pub fn allow_tls12(self) -> Self {
        Self { allows_tls12: true, composed: Arc::default(), ..self }
    }

    /// The SHA-256 of the hub's public key, as [`ClientTls::pinned`](crate::ClientTls::pinned) takes it.
    pub fn pin(&self) -> String {
        let own = self.own.current(UNSEEN);
        // A certificate that can't be parsed was refused when it was read.
        own.cert.first().and_then(Pin::of).map(|pin| pin.to_string()).unwrap_or_default()
    }

    /// Accepts a plugin's handshake on this stream, with the settings as they are now.
    ///
    /// # Errors
    /// The future's is a [`TlsError`] in an [`io::Error`]; the report has it as well.
    pub fn accept<S>(
        &self,
        stream: S,
        report: &Report,
    ) -> impl Future<Output = io::Result<TlsStream<S>>> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (config, report) = (self.config(), report.clone());
        async move {
            let config = config.map_err(|error| {
                let error = TlsError::settings(error, Role::Hub);
                report.failed(error.clone());
                error
            })?;
            let accepting = TlsAcceptor::from(config).accept(Metered::new(stream)).into_fallible();
            let accepting = async { accepting.await.map(Into::into) };
            Ok(TlsStream::shaken(accepting, Role::Hub, report).await?)
        }
    }

    /// The settings as they are now.
    fn config(&self) -> Result<Arc<ServerConfig>, TlsSettingsError> {
        let own = self.own.current(UNSEEN);
        let roots = match &self.clients {
            Clients::None => None,
            Clients::Wanted(roots) | Clients::Demanded(roots) => Some(roots.current(UNSEEN)),
        };
        let mut composed = self.composed.lock();
        if let Some(composed) = &*composed
            && composed.is_of(&own, roots.as_ref())
        {
            return Ok(composed.config.clone());
        }
        let config = Arc::new(self.compose(own.clone(), roots.as_deref())?);
        *composed = Some(Composed { own, roots, config: config.clone() });
        Ok(config)
    }

    fn compose(
        &self,
        own: Arc<CertifiedKey>,
        roots: Option<&roots::Loaded>,
    ) -> Result<ServerConfig, TlsSettingsError> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.allows_tls12))
            .map_err(|error| TlsSettingsError::unusable(&error))?;
        let config = match roots {
            Some(roots) => {
                let is_demanded = matches!(self.clients, Clients::Demanded(_));
                config.with_client_cert_verifier(roots.of_plugins(is_demanded)?)
            }
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

impl Composed {
    fn is_of(&self, own: &Arc<CertifiedKey>, roots: Option<&Arc<roots::Loaded>>) -> bool {
        let are_same = match (&self.roots, roots) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        are_same && Arc::ptr_eq(&self.own, own)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("pin", &self.pin())
            .field("clients", &self.clients)
            .field("allows_tls12", &self.allows_tls12)
            .finish_non_exhaustive()
    }
}
