//! TLS of a hub, which may be built without it. Nothing else here asks whether it is.

#[cfg(not(any(feature = "tls", feature = "tls-ring")))]
mod off;
#[cfg(any(feature = "tls", feature = "tls-ring"))]
mod on;

#[cfg(not(any(feature = "tls", feature = "tls-ring")))]
pub(crate) use self::off::{Report, Tls, secure};
#[cfg(any(feature = "tls", feature = "tls-ring"))]
pub(crate) use self::on::{Report, Tls, secure};
