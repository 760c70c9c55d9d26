//! Other systems, reversed as far as they permit: the plugins dial in.

pub(crate) mod nats;
pub(crate) mod tarpc;
