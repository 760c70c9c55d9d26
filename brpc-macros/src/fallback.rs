//! The code generated for a block with mistakes.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Interface, Method, Plugin};
use crate::{check, expand};

/// A receiver without methods, so that the compiler doesn't report that the type isn't a plugin.
///
/// ```text
/// #[plugin] impl Greeter { pub fn greet(&mut self) {} }
/// // makes
/// const _: () = {
///     use ::brpc::__private as __brpc;
///     impl __brpc::Receiver for Greeter { .. fn methods() .. { &[] } }
/// };
/// ```
pub(crate) fn receiver(plugin: &Plugin) -> TokenStream {
    if !check::can_be_plugin(plugin.self_type()) {
        return TokenStream::new();
    }
    let methods = expand::methods(std::iter::empty());
    expand::implementation(
        plugin,
        &quote! {
            const NAME: &'static __brpc::str = "";
            const VERSION: &'static __brpc::str = "";
            #methods
        },
    )
}

/// The client of an interface with mistakes.
pub(crate) fn client(mut interface: Interface) -> TokenStream {
    interface.methods.retain(possible());
    expand::of_interface(&interface)
}

/// The client of a plugin with mistakes, if one is wanted.
pub(crate) fn client_of_plugin(mut plugin: Plugin) -> Option<TokenStream> {
    plugin.methods.retain(possible());
    plugin.generics().params.is_empty().then(|| expand::of_plugin(&plugin)).flatten()
}

/// Whether a client can have a method in spite of the mistakes, so that the compiler doesn't report
/// the client, or all of its methods, as missing.
fn possible() -> impl FnMut(&Method) -> bool {
    let mut seen = Vec::new();
    move |Method { signature, .. }| {
        let is_new = !seen.contains(&signature.ident);
        seen.push(signature.ident.clone());
        let is_own = check::OWN_OF_CLIENTS.iter().any(|own| signature.ident == own);
        is_new && !is_own && signature.generics.params.is_empty()
    }
}
