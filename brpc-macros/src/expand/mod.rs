//! The implementation of `Receiver`, and typed clients.
//!
//! Tokens that stand for a user's type keep its span, so that the compiler points there. All others
//! are `mixed_site`: variables can't clash with the user's, and lints ignore them.

mod client;
mod input;
mod owned;
mod returned;
mod row;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

pub(crate) use self::client::{of_interface, of_plugin};
use self::row::row;
use crate::model::{Hook, Plugin};
use crate::syntax::respanned;

/// ```text
/// #[plugin] impl Greeter { pub fn greet(&self, req: Greet) -> Greeting { .. } }
/// // makes
/// const _: () = {
///     use ::brpc::__private as __brpc;
///     use __brpc::{..traits.. as _};
///     impl __brpc::Receiver for Greeter {
///         const NAME: &'static __brpc::str = "greeter";
///         const VERSION: &'static __brpc::str = ::core::env!("CARGO_PKG_VERSION");
///         fn methods() -> &'static [__brpc::Method<Self>] where .. {
///             &[__brpc::Method { name: "greet", .. }]
///         }
///     }
/// };
/// ```
pub(crate) fn receiver(plugin: &Plugin) -> TokenStream {
    let name = &plugin.name.text;
    let version = plugin
        .version
        .as_ref()
        .map_or_else(|| quote!(::core::env!("CARGO_PKG_VERSION")), ToTokens::to_token_stream);
    let rows = plugin.methods.iter().map(row);
    let (methods, attach_hook) = (methods(rows), attach_hook(&plugin.hooks));
    implementation(
        plugin,
        &quote_spanned! {Span::mixed_site()=>
            const NAME: &'static __brpc::str = #name;
            const VERSION: &'static __brpc::str = #version;
            #methods
            #attach_hook
        },
    )
}

/// ```text
/// fn methods() -> &'static [__brpc::Method<Self>]
/// where
///     for<'any> Self: __brpc::Send + __brpc::Sync,
/// {
///     &[ROWS]
/// }
/// ```
///
/// The trait reports bounds that a type doesn't meet. Here they are assumed, so that the compiler
/// doesn't report them again for the future of each async method; it checks a bound with a lifetime
/// only where it is used.
pub(crate) fn methods(rows: impl Iterator<Item = TokenStream>) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        fn methods() -> &'static [__brpc::Method<Self>]
        where
            for<'any> Self: __brpc::Send + __brpc::Sync,
        {
            &[#(#rows),*]
        }
    }
}

/// ```text
/// const _: () = { .. impl __brpc::Receiver for Greeter { ITEMS } };
/// ```
pub(crate) fn implementation(plugin: &Plugin, items: &TokenStream) -> TokenStream {
    let (facade, allowed) = (&plugin.facade, &plugin.allowed);
    let self_type = plugin.self_type();
    let (generics, _, bounds) = plugin.generics().split_for_impl();
    quote_spanned! {Span::mixed_site()=>
        const _: () = {
            use #facade::__private as __brpc;
            use __brpc::{CausedError as _, CodedError as _, LocalError as _, NotAnError as _};
            use __brpc::{NotAnInput as _, NotAnOutput as _, ReturnsValue as _, TextError as _};

            #[automatically_derived]
            #(#allowed)*
            impl #generics __brpc::Receiver for #self_type #bounds {
                #items
            }
        };
    }
}

/// ```text
/// #[brpc(hook)] fn use_async_hook(&mut self, hook: AsyncHook) { .. }
/// // makes
/// fn attach_hook(&mut self, hook: __brpc::AsyncHook) {
///     Self::use_async_hook(self, __brpc::hook::<AsyncHook>(hook));
/// }
/// ```
fn attach_hook(hooks: &[Hook]) -> Option<TokenStream> {
    let calls = hooks.iter().map(|Hook { cfgs, signature, .. }| {
        let method = located(&signature.ident);
        let ty = signature.inputs.iter().filter_map(|parameter| match parameter {
            syn::FnArg::Typed(typed) => Some(&typed.ty),
            syn::FnArg::Receiver(_) => None,
        });
        quote_spanned! {Span::mixed_site()=>
            #(#cfgs)*
            Self::#method(self, __brpc::hook::<#(#ty)*>(hook));
        }
    });
    (!hooks.is_empty()).then(|| {
        quote_spanned! {Span::mixed_site()=>
            fn attach_hook(&mut self, hook: __brpc::AsyncHook) {
                #(#calls)*
            }
        }
    })
}

/// The name of a method of the user's, at its place but as generated code.
fn located(ident: &Ident) -> Ident {
    respanned(ident, Span::mixed_site().located_at(ident.span()))
}
