//! Handshakes between both sides.
