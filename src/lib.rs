//! Reverse RPC.
