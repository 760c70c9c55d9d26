//! The first that a hub hears of a plugin, whatever is in it: a Hello and a Describe are taken as
//! their rules say or refused, the same in any pieces, in bounded memory.
#![no_main]

use brpc_fuzz::hello;
use brpc_fuzz::tape::Tape;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| hello::run(Tape::new(input)));
