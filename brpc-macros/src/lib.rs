//! The attribute macro of brpc: [`#[plugin]`](macro@plugin).
//!
//! Use it through `brpc` or `brpc-plugin`, which re-export it.
//!
//! One file a stage: `attr` reads the attributes, `parse` makes the `model` of an impl block,
//! `check` reports every mistake at once, `expand` generates, and `fallback` generates what keeps
//! the compiler from reporting consequences of a mistake.

mod attr;
mod case;
mod check;
mod docs;
mod errors;
mod expand;
mod fallback;
mod model;
mod name;
mod parse;
mod plugin;

use proc_macro::TokenStream;
use syn::parse_quote;

#[doc = include_str!("plugin.md")]
#[proc_macro_attribute]
pub fn plugin(args: TokenStream, item: TokenStream) -> TokenStream {
    plugin::plugin(args.into(), item.into(), parse_quote!(::brpc)).into()
}

/// [`plugin`](macro@plugin) as `brpc-plugin` re-exports it: for crates that don't depend on `brpc`.
#[proc_macro_attribute]
pub fn plugin_without_facade(args: TokenStream, item: TokenStream) -> TokenStream {
    plugin::plugin(args.into(), item.into(), parse_quote!(::brpc_plugin)).into()
}
