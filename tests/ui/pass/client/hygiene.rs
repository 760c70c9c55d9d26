//! Without a prelude, under other names, between strict lints.

#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]
#![no_implicit_prelude]

mod std {}
mod core {}

#[allow(non_camel_case_types)]
mod shadows {
    //! What generated code may not mean.
    #![allow(dead_code)]
    struct Into;
    struct Clone;
    struct String;
}

/// With a doc of its own.
///
/// And a second paragraph.
#[::renamed::client(crate = ::renamed, rename_all = "SCREAMING_SNAKE_CASE")]
trait r#Type {
    /// Does it.
    fn r#do(&self, r#in: u8, binding: u8, caller: u8, input: u8) -> u8;
    fn without_docs(&self, name: u8);
    #[cfg(any())]
    fn not_there(&self, input: Unknown) -> Unknown;
    #[cfg(not(any()))]
    async fn r#async(&self);
}

mod public {
    //! A public one.

    #[::renamed::client(crate = ::renamed)]
    pub(crate) trait Visible {
        fn see(&self);
    }
}

#[::std::prelude::v1::test]
fn needs_no_names_in_scope() {
    let hub = <::renamed::Socket as ::std::default::Default>::default();
    let client = TypeClient::new(&hub, "type");
    ::std::mem::drop(client.r#do(1, 2, 3, 4));
    ::std::mem::drop(client.without_docs(1));
    ::std::mem::drop(client.r#async());
    ::std::mem::drop(public::VisibleClient::all(&hub).see());
}
