//! Other systems, turned round as far as they let themselves: the plugins dial in.

pub(crate) mod nats;
pub(crate) mod tarpc;
