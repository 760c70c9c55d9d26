//! The attribute macros of brpc: [`#[plugin]`](macro@plugin) and [`#[client]`](macro@client).
//!
//! Use it through `brpc` or `brpc-plugin`, which re-export them.
//!
//! One file per stage: `attr` reads the attributes, `parse` makes the `model` of an impl block,
//! `check` reports every mistake at once, `expand` generates code, and `fallback` generates code
//! that keeps the compiler from reporting consequences of a mistake.

mod attr;
mod carried;
mod case;
mod check;
mod client;
mod docs;
mod errors;
mod expand;
mod fallback;
mod model;
mod name;
mod parse;
mod plugin;
mod syntax;

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

#[doc = include_str!("client.md")]
#[proc_macro_attribute]
pub fn client(args: TokenStream, item: TokenStream) -> TokenStream {
    client::client(args.into(), item.into(), parse_quote!(::brpc)).into()
}

/// [`client`](macro@client) as `brpc-socket` re-exports it: for hubs that don't depend on `brpc`.
#[proc_macro_attribute]
pub fn client_of_socket(args: TokenStream, item: TokenStream) -> TokenStream {
    client::client(args.into(), item.into(), parse_quote!(::brpc_socket)).into()
}

/// [`client`](macro@client) as `brpc-core` re-exports it: for crates that only declare interfaces.
#[proc_macro_attribute]
pub fn client_of_core(args: TokenStream, item: TokenStream) -> TokenStream {
    client::client(args.into(), item.into(), parse_quote!(::brpc_core)).into()
}
