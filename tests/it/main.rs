//! Hub and plugin together.

#![allow(unreachable_pub)] // Methods of plugins are `pub` to be exposed.

mod smoke;
