//! The stages in their order.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Item, ItemImpl, Path};

use crate::errors::Errors;
use crate::{check, expand, fallback, parse};

/// `#[plugin(ARGS)] ITEM`, where `facade` is the crate that generated code names unless `ARGS` do.
pub(crate) fn plugin(args: TokenStream, item: TokenStream, facade: Path) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Impl(mut block)) => {
            let generated = generate(args, &mut block, facade);
            quote! { #block #generated }
        }
        Ok(_) => refuse(
            item,
            &syn::Error::new(
                Span::call_site(),
                "`#[plugin]` goes on an impl block of the plugin's type: `impl Type { .. }`",
            ),
        ),
        Err(error) => refuse(item, &error),
    }
}

/// What follows the impl block, from which the helper attributes are removed.
fn generate(args: TokenStream, block: &mut ItemImpl, facade: Path) -> TokenStream {
    let errors = Errors::new();
    let plugin = parse::plugin(&errors, args, block, facade);
    check::plugin(&errors, &plugin);
    match errors.finish() {
        Ok(()) => {
            let mut generated = expand::receiver(&plugin);
            generated.extend(expand::of_plugin(&plugin));
            generated
        }
        Err(error) => {
            let mut generated = error.to_compile_error();
            generated.extend(fallback::receiver(&plugin));
            generated.extend(fallback::client_of_plugin(plugin));
            generated
        }
    }
}

/// The item as it is, and an error.
pub(crate) fn refuse(item: TokenStream, error: &syn::Error) -> TokenStream {
    let mut refused = error.to_compile_error();
    refused.extend(item);
    refused
}

#[cfg(test)]
mod tests {
    use syn::{ImplItem, parse_quote};

    use super::*;

    /// What `#[plugin]` makes of a block, item by item.
    fn expanded(args: TokenStream, block: &TokenStream) -> Vec<Item> {
        let file = plugin(args, block.clone(), parse_quote!(::facade));
        syn::parse2::<syn::File>(file).unwrap().items
    }

    fn mistakes(args: TokenStream, mut block: ItemImpl) -> Vec<String> {
        let errors = Errors::new();
        let plugin = parse::plugin(&errors, args, &mut block, parse_quote!(::facade));
        check::plugin(&errors, &plugin);
        let found = errors.finish().err().into_iter().flatten();
        found.map(|error| error.to_string()).collect()
    }

    #[test]
    fn the_block_stays_as_it_is_written() {
        let written = quote! {
            #[allow(unused)]
            impl Greeter {
                /// Greets.
                #[inline]
                #[brpc(rename = "hello")]
                pub fn greet(&self) {}
                pub const POLITE: bool = true;
            }
        };
        let items = expanded(quote!(), &written);
        let [Item::Impl(block), Item::Const(_)] = &items[..] else {
            panic!("a block and a constant, not {}", items.len())
        };
        let mut expected: ItemImpl = syn::parse2(written).unwrap();
        let ImplItem::Fn(greet) = &mut expected.items[0] else { panic!("a method") };
        greet.attrs.retain(|attr| !attr.path().is_ident("brpc"));
        assert_eq!(quote!(#block).to_string(), quote!(#expected).to_string());
    }

    #[test]
    fn a_row_carries_the_conditions_of_its_method() {
        let items = expanded(
            quote!(),
            &quote! {
                impl Greeter {
                    #[cfg(unix)]
                    #[inline]
                    pub fn greet(&self) {}
                }
            },
        );
        let generated = items.last().map(|item| quote!(#item).to_string()).unwrap();
        assert!(generated.contains("# [cfg (unix)] __brpc :: Method"), "{generated}");
        assert!(!generated.contains("inline"), "{generated}");
        assert!(generated.contains("use :: facade :: __private as __brpc"), "{generated}");
    }

    #[test]
    fn mistakes_leave_the_block_and_an_empty_table() {
        let items = expanded(quote!(), &quote! { impl Greeter { pub fn greet(&mut self) {} } });
        let [Item::Impl(_), Item::Macro(error), Item::Const(stub)] = &items[..] else {
            panic!("a block, an error and a constant, not {}", items.len())
        };
        assert!(error.mac.path.segments.last().unwrap().ident == "compile_error");
        assert!(quote!(#stub).to_string().contains("__brpc :: Sync , { & [] }"));
    }

    #[test]
    fn what_is_no_impl_block_stays_too() {
        for item in [
            quote!(
                pub struct Greeter;
            ),
            quote!(
                trait Greet {}
            ),
        ] {
            let items = expanded(quote!(), &item);
            assert_eq!(items.len(), 2);
            assert_eq!(items.last().map(|item| quote!(#item).to_string()), Some(item.to_string()));
        }
    }

    #[test]
    fn all_mistakes_are_found() {
        let found = mistakes(
            quote!(clients, name = "a b"),
            parse_quote! {
                impl Greeter {
                    pub unsafe extern "C" fn one<T>(&mut self, a: &str, (b, c): impl Trait) -> ! {}
                    #[brpc(hook, skip)]
                    async fn hook() -> u8 {}
                    made!();
                    #[brpc(rename = "two", no_cancel)]
                    pub fn two(self, Pair(a, b): Pair, c: Option<&str>) -> impl Trait {}
                    #[brpc(rename = "two")]
                    pub fn three(&self) {}
                }
            },
        );
        assert_eq!(found.len(), 20, "{found:#?}");
    }

    #[test]
    fn nothing_to_expose_is_reported_alone() {
        assert_eq!(mistakes(quote!(), parse_quote!(impl Greeter {})).len(), 1);
        assert_eq!(mistakes(quote!(clients), parse_quote!(impl Greeter {})).len(), 1);
        assert!(mistakes(quote!(), parse_quote!(impl A { pub fn b(&self) {} })).is_empty());
    }

    #[test]
    fn conditions_allow_a_name_twice() {
        let block = parse_quote! {
            impl Greeter {
                #[cfg(unix)]
                pub fn greet(&self) {}
                #[cfg(not(unix))]
                pub fn greet(&self) {}
            }
        };
        assert!(mistakes(quote!(), block).is_empty());
    }
}
