//! The hub's side of a connection, and a plugin of the Go package that says anything: no panic, every caller is
//! handed back exactly once, tables stay within the limits, nothing is told after the end, and what
//! the hub says is of the wire.
#![no_main]

use brpc_fuzz::hub;
use brpc_fuzz::tape::Tape;
use brpc_fuzz::wire::Wire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| hub::run(Wire::gob(), Tape::new(input)));
