//! How to write, test and run hubs and plugins: what to do, in which order, and why.
//!
//! | page | for |
//! |---|---|
//! | [`plugin`](mod@plugin) | authors of plugins |
//! | [`hub`] | authors of hubs |
//! | [`errors`] | both: what a call may end in, and when to retry it |
//! | [`events`] | both: what plugins send without being called |
//! | [`testing`] | both: tests without a network and without waiting |
//! | [`identity`] | operators: who may plug in, under which names |
//! | [`deploying`] | operators: where to listen, limits, logs, restarts, health |
//!
//! Read the first three in this order, and the others when you need them. Each method and type
//! documents its own rules; these pages help you decide between them. Their code runs as tests, so
//! its assertions hold.

// So that the pages can link by plain names.
#[cfg(doc)]
use crate::*;

#[doc = include_str!("plugin.md")]
pub mod plugin {}

#[doc = include_str!("hub.md")]
pub mod hub {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("events.md")]
pub mod events {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("identity.md")]
pub mod identity {}

#[doc = include_str!("deploying.md")]
pub mod deploying {}
