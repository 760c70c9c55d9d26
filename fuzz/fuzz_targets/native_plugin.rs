//! The plugin's side of a connection, and a hub of the native wire that says anything: no panic, a call is
//! answered at most once, no more run at once than may, nothing is told after the end, and what the
//! plugin says is of the wire.
#![no_main]

use brpc_fuzz::plugin;
use brpc_fuzz::tape::Tape;
use brpc_fuzz::wire::Wire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| plugin::run(Wire::Native, Tape::new(input)));
