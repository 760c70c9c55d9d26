//! How to write, test and run hubs and plugins: what to do, in which order, and why.
//!
//! | page | for whom |
//! |---|---|
//! | [`plugin`](mod@plugin) | who has something that others are to call |
//! | [`hub`] | who calls it |
//! | [`errors`] | both: what a call may end in, and when it may be made again |
//! | [`events`] | both: what plugins say by themselves |
//! | [`testing`] | both: tests without a network and without waiting |
//! | [`deploying`] | who runs it: where to listen, limits, logs, restarts, health |
//!
//! Read the first three in this order, and the others when you need them. The rules of each method
//! and type are in its own documentation; here is what to decide. The code on these pages runs as
//! tests, so what its assertions say is so.

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

#[doc = include_str!("deploying.md")]
pub mod deploying {}
