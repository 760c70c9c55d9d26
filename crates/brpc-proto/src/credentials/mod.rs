//! What a plugin shows that it is who it says: a token, or the proof that it knows a secret.
//!
//! Nothing here appears in `Debug`, and tokens and secrets are overwritten in memory when they are
//! dropped.

mod key;
mod proof;
mod secret;
mod token;

pub use key::{Key, KeyIdError};
pub use proof::{Proof, Transcript};
pub use secret::{Secret, SecretError};
pub use token::{Token, TokenError};
