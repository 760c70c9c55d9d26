//! What is generated for a block with mistakes.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Plugin;
use crate::{check, expand};

/// A receiver without methods, so that the compiler doesn't report that the type isn't a plugin.
///
/// ```text
/// #[plugin] impl Greeter { pub fn greet(&mut self) {} }
/// // makes
/// const _: () = {
///     use ::brpc::__private as __brpc;
///     impl __brpc::Receiver for Greeter { .. METHODS: .. = &[]; }
/// };
/// ```
pub(crate) fn receiver(plugin: &Plugin) -> TokenStream {
    if !check::can_be_plugin(plugin.self_type()) {
        return TokenStream::new();
    }
    expand::implementation(
        plugin,
        &quote! {
            const NAME: &'static __brpc::str = "";
            const VERSION: &'static __brpc::str = "";
            const METHODS: &'static [__brpc::Method<Self>] = &[];
        },
    )
}
