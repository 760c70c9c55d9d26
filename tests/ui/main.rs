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

/// Only cases that must fail: then all of them are checked by one run of cargo, and nothing is
/// linked. A case that must pass would have each built by itself.
#[test]
fn fail() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*/*.rs");
}
