//! Limits that are out of their range: a mistake is told where it is made, on either side.

use std::panic::{AssertUnwindSafe, catch_unwind};

use brpc::{Builder, ConnectError, Limits, Socket};

use crate::support::open;
use crate::support::worker::worker;

/// The text with which a hub of these settings panics.
fn panic_of(builder: Builder) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| builder.build())).expect_err("no hub is built");
    *panic.downcast().expect("a panic with a text")
}

#[test]
fn a_hub_is_not_built_with_a_limit_out_of_its_range() {
    let mut limits = Limits::default();
    limits.max_frame = 128 << 20;
    let text = panic_of(Socket::builder().limits(limits));
    assert!(text.contains("max_frame is 134217728; expected 16384 to 67108864 bytes"), "{text}");
    for (builder, setting) in [
        (Socket::builder().max_handshakes(0), "max_handshakes"),
        (Socket::builder().max_handshakes_per_source(0), "max_handshakes_per_source"),
        (Socket::builder().max_description_bytes(0), "max_description_bytes"),
    ] {
        let text = panic_of(builder);
        assert!(text.contains(&format!("{setting} is 0; expected at least 1")), "{text}");
    }
    // As many as you like.
    Socket::builder().max_handshakes(usize::MAX).max_handshakes_per_source(usize::MAX).build();
}

/// `tests/README.md` says which test is at each limit; those tests are there.
#[test]
fn the_tests_that_the_page_names_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("tests/README.md")).unwrap();
    let mut seen = 0;
    // Each is written as `file.rs::name`.
    for named in page.split('`').filter(|it| it.contains(".rs::")) {
        let (file, name) = named.split_once("::").unwrap();
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{file}"));
        assert!(text.contains(&format!("fn {name}(")), "{named}");
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

#[tokio::test]
async fn a_plugin_does_not_connect_with_a_limit_out_of_its_range() {
    let mut limits = Limits::default();
    limits.max_frame = 128 << 20;
    let hub = Socket::default();
    let error = open(&hub, &worker("worker").0.limits(limits)).await.unwrap_err();
    assert!(!error.is_transient());
    let ConnectError::BadLimits(error) = error else { panic!("{error:?}") };
    assert_eq!(error.limit, "max_frame");
}
