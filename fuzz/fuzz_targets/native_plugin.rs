//! The plugin's side of a connection, and a hub of the native wire that sends anything: no panic, a
//! call is answered at most once, no more calls run at once than may, no event follows the end, and
//! what the plugin sends is valid on the wire.
#![no_main]

use brpc_fuzz::plugin;
use brpc_fuzz::tape::Tape;
use brpc_fuzz::wire::Wire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| plugin::run(Wire::Native, Tape::new(input)));
