//! TLS of a plugin, which may be built without it. Hardly anything else here asks whether it is.

#[cfg(not(any(feature = "tls", feature = "tls-ring")))]
mod off;
#[cfg(any(feature = "tls", feature = "tls-ring"))]
mod on;

use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(not(any(feature = "tls", feature = "tls-ring")))]
pub(crate) use self::off::{Report, Secure, secure};
#[cfg(any(feature = "tls", feature = "tls-ring"))]
pub(crate) use self::on::{Report, Secure, secure};

/// A stream to a hub that isn't plain TCP.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// One driver serves all of them.
pub(crate) type BoxedStream = Box<dyn Duplex>;
