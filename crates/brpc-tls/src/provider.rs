//! The provider of cryptography.

use std::sync::{Arc, OnceLock};

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};

#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as chosen;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use rustls::crypto::ring as chosen;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("brpc-tls needs one of its features `aws-lc-rs` and `ring`");

/// The provider. Always passed explicitly: if another crate of the program brings a second one, rustls
/// knows no default and panics.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(chosen::default_provider())).clone()
}

/// The versions of TLS that are spoken.
pub(crate) fn versions(allows_tls12: bool) -> &'static [&'static SupportedProtocolVersion] {
    static DEFAULT: [&SupportedProtocolVersion; 1] = [&TLS13];
    static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    if allows_tls12 { &ALL } else { &DEFAULT }
}
