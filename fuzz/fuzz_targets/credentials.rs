//! The handshake of a plugin that shows who it is, and whatever stands in for its token, its key and
//! the messages of a challenge: no panic, nothing is taken that breaks a rule, nobody is let in before
//! the proof, and a plugin proves it once.
#![no_main]

use brpc_fuzz::credentials;
use brpc_fuzz::tape::Tape;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| credentials::run(Tape::new(input)));
