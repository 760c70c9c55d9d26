//! TLS in a plugin.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::PROTOCOL;
use crate::error::{Role, TlsError, TlsSettingsError};
use crate::metered::Metered;
use crate::own::{Own, own};
use crate::pinned::{Pin, Pinned, Pins};
use crate::provider::{provider, versions};
use crate::report::Report;
use crate::roots::Roots;
use crate::source::Source;
use crate::stream::TlsStream;

/// TLS in a plugin: which hub it trusts, and the certificate that it shows. A cheap clone.
///
/// The hub's certificate must be for the host of the address that the plugin dials, or for
/// [`server_name`](Self::server_name); with a [pinned](Self::pinned) key only that counts. The plugin
/// names the protocol `brpc/1` (ALPN) and speaks TLS 1.3.
///
/// What is given as files is looked at before each attempt to connect, and read again if it has
/// changed. If it is no good then, what was read before stays in use, and the log says so at the level
/// error.
#[derive(Clone)]
pub struct ClientTls {
    trusted: Trusted,
    own: Option<Own>,
    server_name: Option<String>,
    allows_tls12: bool,
}

#[derive(Clone)]
enum Trusted {
    System(Arc<Verifier>),
    Roots(Roots),
    Pinned(Pins),
}

impl ClientTls {
    /// Trusts the hubs that the system trusts: whose certificates come from a public CA, or from one
    /// that the machine's administrator has added. On Linux these are read now, and not again.
    ///
    /// # Errors
    /// If the system has none, or they can't be read.
    pub fn system_roots() -> Result<Self, TlsSettingsError> {
        let verifier = Verifier::new(provider())
            .map_err(|error| TlsSettingsError::SystemRoots { reason: error.to_string() })?;
        Ok(Self::new(Trusted::System(Arc::new(verifier))))
    }

    /// Trusts the hubs whose certificates come from the CAs in a PEM file.
    ///
    /// # Errors
    /// If the file can't be read, or holds no certificate, or one that is none.
    pub fn ca_file(path: impl Into<PathBuf>) -> Result<Self, TlsSettingsError> {
        Ok(Self::roots(Roots::file(path)?))
    }

    /// Trusts the hubs whose certificates come from the CAs in this PEM.
    ///
    /// # Errors
    /// As [`ca_file`](Self::ca_file).
    pub fn ca_pem(authorities: &[u8]) -> Result<Self, TlsSettingsError> {
        Ok(Self::roots(Roots::pem(authorities)?))
    }

    /// Trusts the hubs whose certificates come from these CAs, unless they are revoked.
    pub fn roots(roots: Roots) -> Self {
        Self::new(Trusted::Roots(roots))
    }

    /// Trusts the hub that holds one of these keys, whatever its certificate says: neither names nor times nor
    /// issuers count. Given is the SHA-256 of its public key (SPKI), as 64 hexadecimal digits or in
    /// base64, with or without `sha256:` or `sha256//` before it; see
    /// [`ServerTls::pin`](crate::ServerTls::pin).
    ///
    /// A hub keeps its key when it renews its certificate, unless it is made anew. There may be several
    /// keys, separated by white space or commas, and a hub that holds any of them is trusted: so plugins get
    /// the new one before their hub has it, and lose the old one afterwards.
    ///
    /// # Errors
    /// If there is none, or one is something else.
    pub fn pinned(keys: &str) -> Result<Self, TlsSettingsError> {
        let bad = |given: &str| TlsSettingsError::BadPin { given: given.to_owned() };
        Ok(Self::new(Trusted::Pinned(Pins::parse(keys).map_err(bad)?)))
    }

    /// The same, as bytes. With no key, no hub is trusted.
    pub fn pinned_sha256(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self::new(Trusted::Pinned(Pins(keys.into_iter().map(Pin).collect())))
    }

    fn new(trusted: Trusted) -> Self {
        Self { trusted, own: None, server_name: None, allows_tls12: false }
    }

    /// Shows the hub a certificate: the plugin's, followed by those between it and its CA, and its
    /// private key, in PEM files. A plugin that stays connected and is refused for it dials on: there may be
    /// another one in the files later.
    ///
    /// # Errors
    /// If a file can't be read or isn't what is expected, or the key isn't that of the certificate.
    pub fn certificate_files(
        self,
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsSettingsError> {
        let own = own(&Source::file(certificates), &Source::file(key))?;
        Ok(Self { own: Some(own), ..self })
    }

    /// The same as PEM. Nothing is read again.
    ///
    /// # Errors
    /// As [`certificate_files`](Self::certificate_files).
    pub fn certificate_pem(
        self,
        certificates: &[u8],
        key: &[u8],
    ) -> Result<Self, TlsSettingsError> {
        let own = own(&Source::bytes(certificates), &Source::bytes(key))?;
        Ok(Self { own: Some(own), ..self })
    }

    /// The name that the hub's certificate must have. Default: the host of the address that is dialled.
    ///
    /// # Errors
    /// If it is neither a DNS name nor an IP address.
    pub fn server_name(self, name: impl Into<String>) -> Result<Self, TlsSettingsError> {
        let name = name.into();
        server_name(&name)?;
        Ok(Self { server_name: Some(name), ..self })
    }

    /// Speaks TLS 1.2 as well, for hubs behind what can't do better. Default: TLS 1.3 only.
    #[must_use]
    pub fn allow_tls12(self) -> Self {
        Self { allows_tls12: true, ..self }
    }

    /// Whether it shows a certificate that is in [files](Self::certificate_files), where there may be
    /// another one at the next attempt.
    pub fn shows_files(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.is_of_files())
    }

    /// Shakes hands with a hub on this stream, which was dialled at this host.
    ///
    /// With TLS 1.3 the hub looks at the plugin's certificate after that: if it refuses it, the stream
    /// fails when it is next read, and the report says why.
    ///
    /// # Errors
    /// If one side refuses the other, or the stream fails; the report has the error as well.
    ///
    /// # Cancel safety
    /// If this future is dropped, the stream is.
    pub async fn connect<S>(
        &self,
        host: &str,
        stream: S,
        report: &Report,
    ) -> Result<TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let prepared = (|| {
            let name = server_name(self.server_name.as_deref().unwrap_or(host))?;
            Ok((name, Arc::new(self.config()?)))
        })();
        let (name, config) = prepared.map_err(|error| {
            let error = TlsError::settings(error, Role::Plugin);
            report.failed(error.clone());
            error
        })?;
        let connecting =
            TlsConnector::from(config).connect(name, Metered::new(stream)).into_fallible();
        let connecting = async { connecting.await.map(Into::into) };
        TlsStream::shaken(connecting, Role::Plugin, report.clone()).await
    }

    /// The settings as they are now.
    fn config(&self) -> Result<ClientConfig, TlsSettingsError> {
        let verifier: Arc<dyn ServerCertVerifier> = match &self.trusted {
            Trusted::System(verifier) => verifier.clone(),
            Trusted::Roots(roots) => roots.current(Duration::ZERO).of_hubs()?,
            Trusted::Pinned(pins) => Arc::new(Pinned::new(pins.clone())),
        };
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.allows_tls12))
            .map_err(|error| TlsSettingsError::unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.own {
            Some(own) => {
                let own = own.current(Duration::ZERO);
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// The name that a certificate must have. The zone of an IPv6 address is of this machine only.
fn server_name(name: &str) -> Result<ServerName<'static>, TlsSettingsError> {
    let host = name.split_once('%').map_or(name, |(address, _)| address);
    ServerName::try_from(host.to_owned())
        .map_err(|_| TlsSettingsError::BadServerName { name: name.to_owned() })
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trusted: &dyn fmt::Debug = match &self.trusted {
            Trusted::System(_) => &"the system's",
            Trusted::Roots(roots) => roots,
            Trusted::Pinned(pins) => pins,
        };
        f.debug_struct("ClientTls")
            .field("trusted", trusted)
            .field("has_certificate", &self.own.is_some())
            .field("server_name", &self.server_name)
            .field("allows_tls12", &self.allows_tls12)
            .finish_non_exhaustive()
    }
}
