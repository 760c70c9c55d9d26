//! The certificate and key of this side.

use std::sync::Arc;

use rustls::InconsistentKeys;
use rustls::sign::CertifiedKey;

use crate::error::TlsSettingsError;
use crate::pem;
use crate::provider::provider;
use crate::source::Source;
use crate::watched::Watched;

/// A chain of certificates with the key of the first one.
pub(crate) type Own = Arc<Watched<CertifiedKey>>;

/// Reads a chain and its key.
pub(crate) fn own(chain: &Source, key: &Source) -> Result<Own, TlsSettingsError> {
    let sources = (chain.clone(), key.clone());
    let load = move || load(&sources.0, &sources.1);
    Ok(Arc::new(Watched::new(&[chain, key], load)?))
}

fn load(chain: &Source, key: &Source) -> Result<CertifiedKey, TlsSettingsError> {
    let (certificates, private) = (pem::certificates(chain)?, pem::key(key)?);
    let private = provider()
        .key_provider
        .load_private_key(private)
        .map_err(|error| pem::no_key(key, &error))?;
    let certified = CertifiedKey::new(certificates, private);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(TlsSettingsError::OtherKey { key: key.to_string(), certificate: chain.to_string() })
        }
        Err(error) => Err(pem::no_certificate(chain, &error)),
    }
}
