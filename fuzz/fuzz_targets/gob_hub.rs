//! The hub's side of a connection, and a plugin of the Go package that sends anything: no panic,
//! every caller is returned exactly once, tables stay within the limits, no event follows the end,
//! and what the hub sends is valid on the wire.
#![no_main]

use brpc_fuzz::hub;
use brpc_fuzz::tape::Tape;
use brpc_fuzz::wire::Wire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| hub::run(Wire::gob(), Tape::new(input)));
