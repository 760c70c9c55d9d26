//! TLS of a hub that is built with it.

use brpc_tls::TlsStream;
pub(crate) use brpc_tls::{Report, ServerTls as Tls};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::securing::Securing;

/// The stream above TLS. The handshake goes on when it is first read.
pub(crate) fn secure<S>(tls: &Tls, below: S, report: &Report) -> Securing<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Securing::new(tls.accept(below, report))
}
