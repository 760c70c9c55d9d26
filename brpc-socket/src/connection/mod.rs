//! Connections of plugins: accepted, registered, and their events passed on to the hub.

mod accept;
mod attached;
mod authenticating;
mod own_file;
mod registration;
#[cfg(test)]
mod tests;

pub use accept::Serving;
pub(crate) use accept::serve;
pub(crate) use attached::attach;
