//! What `docs/security.md` says: a test for each row that no other topic has, and that the page names
//! tests which there are.

mod flow;
mod frames;
mod handshake;
mod lifecycle;
mod page;
mod secrecy;
