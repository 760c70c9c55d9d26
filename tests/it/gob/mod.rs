//! The wire of the Go package, on both sides: what works as over the native one, and what can't.

mod access;
mod ends;
mod hub;
mod pair;
mod plugin;
mod raw;
