//! TLS of a hub that is built without it.

use std::convert::Infallible;

/// Settings for TLS: there are none.
#[derive(Clone, Debug)]
pub(crate) enum Tls {}

/// What is known of a TLS connection: there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {}

impl Report {
    #[expect(clippy::unused_self, reason = "as with TLS")]
    pub(crate) fn is_secured(&self) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "as with TLS")]
    pub(crate) fn error(&self) -> Option<Infallible> {
        None
    }

    pub(crate) fn refused_certificate(&self) -> Option<Infallible> {
        None
    }
}

/// The stream above TLS.
pub(crate) fn secure<S>(tls: &Tls, _below: S, _report: &Report) -> S {
    match *tls {}
}
