//! What the macros make of good code, and what they say of bad code.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the expected messages anew; read the difference.

// What users may write, tidy or not. The other lints look at what the macros make of it.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::let_underscore_future, clippy::mixed_attributes_style)]
#![allow(clippy::needless_arbitrary_self_type, clippy::unnecessary_wraps, clippy::unused_async)]
#![allow(clippy::unused_self, clippy::unused_unit, clippy::unwrap_used)]

// A case of a client has to find the crate under another name, which only the root can give it.
extern crate brpc as renamed;

mod pass;

use std::any::type_name_of_val;
use std::env;
use std::process::Command;

/// Only cases that must fail: then all of them are checked by one run of cargo, and nothing is
/// linked. A case that must pass would have each built by itself.
///
/// It runs itself again, with flags for the compiler in the environment. trybuild gives the cases a
/// flag that it doesn't give to what they depend on, which has cargo check all of that twice.
#[test]
fn fail() {
    const VARIABLE: &str = "CARGO_ENCODED_RUSTFLAGS";
    const FLAGS: &str = "--cfg=trybuild\x1f--verbose\x1f-Adead_code\x1f--diagnostic-width=140";
    if env::var(VARIABLE).is_ok_and(|flags| flags == FLAGS) {
        trybuild::TestCases::new().compile_fail("tests/ui/fail/*/*.rs");
        return;
    }
    let (_, this) = type_name_of_val(&fail).split_once("::").unwrap();
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", this])
        // `trybuild=..` chooses cases.
        .args(env::args().filter(|arg| arg.starts_with("trybuild=")))
        .env(VARIABLE, FLAGS)
        .status();
    assert!(status.unwrap().success());
}
