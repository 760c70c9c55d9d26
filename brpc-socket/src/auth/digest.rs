//! What is kept of a credential, so that it is found again.

use sha2::{Digest as _, Sha256};

/// The digest of a credential, by which it is found again. Those of two kinds differ.
pub(super) fn digest(kind: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [kind.as_bytes()].iter().chain(parts) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}
