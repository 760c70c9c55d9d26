//! What `#[plugin]` makes of good blocks, and what it says of bad ones.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the expected messages anew; read the difference.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*/*.rs");
    cases.compile_fail("tests/ui/fail/*/*.rs");
}
