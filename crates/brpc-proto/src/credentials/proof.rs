//! The proof that a plugin knows a secret.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::secret::Secret;

/// What a proof is about: this connection, and all that the plugin has said of itself. So a proof is
/// of no use on another connection, or for another name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transcript {
    /// The hub's random number, from its Challenge.
    pub hub_nonce: [u8; 32],
    /// The plugin's random number, from its Hello.
    pub plugin_nonce: [u8; 32],
    /// SHA-256 of the body of the Hello.
    pub hello: [u8; 32],
}

/// A plugin's proof that it knows a secret, for one handshake.
#[derive(Clone)]
pub struct Proof {
    transcript: Transcript,
    mac: [u8; 32],
}

impl Transcript {
    /// The code that only who knows the secret can make.
    pub(crate) fn mac(&self, secret: &Secret) -> [u8; 32] {
        self.hashed(secret).finalize().into_bytes().into()
    }

    fn hashed(&self, secret: &Secret) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .expect("a key of any length is one for HMAC");
        mac.update(CONTEXT);
        mac.update(&self.hub_nonce);
        mac.update(&self.plugin_nonce);
        mac.update(&self.hello);
        mac
    }
}

impl Proof {
    /// What a plugin has sent about this.
    pub(crate) fn new(transcript: Transcript, mac: [u8; 32]) -> Self {
        Self { transcript, mac }
    }

    /// What a plugin that knows this secret sends about this.
    pub fn of(transcript: Transcript, secret: &Secret) -> Self {
        let mac = transcript.mac(secret);
        Self { transcript, mac }
    }

    /// Whether the plugin knows this secret. Takes the same time whatever it has sent.
    pub fn is_made_with(&self, secret: &Secret) -> bool {
        self.transcript.hashed(secret).verify_slice(&self.mac).is_ok()
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}

/// Keeps a code that was made for anything else from being a proof.
const CONTEXT: &[u8] = b"brpc proof 1";

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript() -> Transcript {
        Transcript { hub_nonce: [1; 32], plugin_nonce: [2; 32], hello: [3; 32] }
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    #[test]
    fn only_who_knows_the_secret_proves_it() {
        let proof = Proof::of(transcript(), &secret("0123456789abcdef"));
        assert!(proof.is_made_with(&secret("0123456789abcdef")));
        assert!(!proof.is_made_with(&secret("0123456789abcdeg")));
        assert!(!proof.is_made_with(&secret("0123456789abcdef0")));
    }

    #[test]
    fn it_holds_for_one_handshake_only() {
        let secret = secret("0123456789abcdef");
        let mac = transcript().mac(&secret);
        let elsewhere = [
            Transcript { hub_nonce: [9; 32], ..transcript() },
            Transcript { plugin_nonce: [9; 32], ..transcript() },
            Transcript { hello: [9; 32], ..transcript() },
            Transcript { hub_nonce: [2; 32], plugin_nonce: [1; 32], ..transcript() },
        ];
        assert!(Proof::new(transcript(), mac).is_made_with(&secret));
        for transcript in elsewhere {
            assert!(!Proof::new(transcript, mac).is_made_with(&secret));
        }
    }

    #[test]
    fn each_bit_counts() {
        let secret = secret("0123456789abcdef");
        let mac = transcript().mac(&secret);
        for bit in 0..256 {
            let mut mac = mac;
            mac[bit / 8] ^= 1 << (bit % 8);
            assert!(!Proof::new(transcript(), mac).is_made_with(&secret), "bit {bit}");
        }
    }
}
