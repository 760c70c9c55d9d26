//! TLS of the limits, with the same settings as brpc's: TLS 1.3, the same cryptography, the same
//! certificate, and no session is resumed.

use std::sync::{Arc, LazyLock, OnceLock};

use rcgen::{CertificateParams, KeyPair};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, IpAddr, Ipv4Addr, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tokio_util::either::Either;

use crate::Error;
use crate::flags::Setup;

/// A connection, with or without TLS.
pub(crate) type Stream = Either<TcpStream, Secured>;
pub(crate) type Reading = Either<OwnedReadHalf, ReadHalf<Secured>>;
pub(crate) type Writing = Either<OwnedWriteHalf, WriteHalf<Secured>>;

type Secured = Box<TlsStream<TcpStream>>;

/// The hub's certificate and key, as PEM. Plugins trust the certificate.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Own {
    /// This process's, made when it is first asked for.
    pub(crate) fn get() -> &'static Self {
        static OWN: LazyLock<Own> =
            LazyLock::new(|| Own::new().expect("a certificate for a loopback address is made"));
        &OWN
    }

    fn new() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()])?.self_signed(&key)?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// The connection that a hub has accepted.
pub(crate) async fn accepted(stream: TcpStream, setup: &Setup) -> Result<Stream, Error> {
    static ACCEPTOR: OnceLock<TlsAcceptor> = OnceLock::new();
    if !setup.tls {
        return Ok(Either::Left(stream));
    }
    let acceptor = made(&ACCEPTOR, || acceptor(Own::get()))?;
    Ok(Either::Right(Box::new(acceptor.accept(stream).await?.into())))
}

/// The connection that a plugin has dialled.
pub(crate) async fn dialled(stream: TcpStream, setup: &Setup) -> Result<Stream, Error> {
    static CONNECTOR: OnceLock<TlsConnector> = OnceLock::new();
    if !setup.tls {
        return Ok(Either::Left(stream));
    }
    let connector = made(&CONNECTOR, || connector(&setup.trusted))?;
    let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([127, 0, 0, 1])));
    Ok(Either::Right(Box::new(connector.connect(name, stream).await?.into())))
}

/// The two directions of a connection, for a task each.
pub(crate) fn parted(stream: Stream) -> (Reading, Writing) {
    match stream {
        Either::Left(plain) => {
            let (reading, writing) = plain.into_split();
            (Either::Left(reading), Either::Left(writing))
        }
        Either::Right(secured) => {
            let (reading, writing) = tokio::io::split(secured);
            (Either::Right(reading), Either::Right(writing))
        }
    }
}

/// What is in this cell; made if nothing is.
pub(crate) fn made<T>(
    cell: &'static OnceLock<T>,
    make: impl FnOnce() -> Result<T, Error>,
) -> Result<&'static T, Error> {
    if let Some(made) = cell.get() {
        return Ok(made);
    }
    let new = make()?;
    Ok(cell.get_or_init(|| new))
}

fn acceptor(own: &Own) -> Result<TlsAcceptor, Error> {
    let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes())?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config).into())
}

fn connector(trusted: &str) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes())?)?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config).into())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::flags::Cli;
    use crate::system::dial;

    #[tokio::test]
    async fn a_limit_is_encrypted_if_asked_to_be() {
        let certificate = &*Own::get().certificate;
        for flags in [&[][..], &["--tls", "--trusted", certificate]] {
            let flags = ["brpc-bench"].iter().chain(flags);
            let setup = Cli::try_parse_from(flags).unwrap().setup;
            let listener = dial::listen().unwrap();
            let address = dial::address(&listener);
            let (accepted, dialled) = tokio::join!(
                async { accepted(dial::accept(&listener).await.unwrap(), &setup).await.unwrap() },
                async {
                    let stream = TcpStream::connect(address).await.unwrap();
                    dialled(stream, &setup).await.unwrap()
                }
            );
            assert_eq!(matches!(accepted, Either::Right(_)), setup.tls);
            let (mut at_hub, mut at_plugin) = (parted(accepted), parted(dialled));
            at_plugin.1.write_all(b"ping").await.unwrap();
            at_plugin.1.flush().await.unwrap();
            let mut read = [0; 4];
            at_hub.0.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"ping");
        }
    }
}
