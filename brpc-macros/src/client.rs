//! The stages of `#[client]`, in their order.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Item, Path};

use crate::errors::Errors;
use crate::plugin::refuse;
use crate::{check, expand, fallback, parse};

/// `#[client(ARGS)] ITEM`, where `facade` is the crate that generated code names unless `ARGS` do.
pub(crate) fn client(args: TokenStream, item: TokenStream, facade: Path) -> TokenStream {
    let mut item = match syn::parse2(item.clone()) {
        Ok(Item::Trait(item)) => item,
        Ok(_) => {
            let message = "`#[client]` goes on a trait: `trait Greeter { .. }`";
            return refuse(item, &syn::Error::new(Span::call_site(), message));
        }
        Err(error) => return refuse(item, &error),
    };
    let errors = Errors::new();
    let interface = parse::interface(&errors, args, &mut item, facade);
    check::interface(&errors, &interface);
    match errors.finish() {
        Ok(()) => expand::of_interface(&interface),
        Err(error) => {
            let (errors, client) = (error.to_compile_error(), fallback::client(interface));
            quote! { #errors #client }
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::{ItemTrait, parse_quote};

    use super::*;

    fn mistakes(args: TokenStream, mut item: ItemTrait) -> Vec<String> {
        let errors = Errors::new();
        let interface = parse::interface(&errors, args, &mut item, parse_quote!(::facade));
        check::interface(&errors, &interface);
        let found = errors.finish().err().into_iter().flatten();
        found.map(|error| error.to_string()).collect()
    }

    #[test]
    fn a_trait_becomes_its_client() {
        let item = quote! {
            /// Greets.
            pub(crate) trait r#Greeter {
                /// Says hello.
                #[cfg(unix)]
                async fn greet(&self, name: String) -> io::Result<Greeting>;
            }
        };
        let made = client(quote!(), item, parse_quote!(::facade));
        let items = syn::parse2::<syn::File>(made.clone()).unwrap().items;
        let [
            Item::Struct(client),
            Item::Impl(_),
            Item::Impl(_),
            Item::Impl(methods),
            Item::Const(_),
        ] = &items[..]
        else {
            panic!("a struct, three blocks and a constant, not {}", items.len())
        };
        assert_eq!(client.ident, "GreeterClient");
        assert!(matches!(client.vis, syn::Visibility::Restricted(_)));
        let methods = quote!(#methods).to_string();
        for part in ["# [cfg (unix)]", ":: Calls < String , Greeting >", "\"greet\" , & name"] {
            assert!(methods.contains(part), "{part} in {methods}");
        }
        assert!(!made.to_string().contains("trait"));
    }

    #[test]
    fn all_mistakes_are_found() {
        let found = mistakes(
            quote!(name = "a", rename_all = "?"),
            parse_quote! {
                unsafe trait Greeter<T>: Send where T: Copy {
                    const ONE: u8;
                    fn new(&mut self) {}
                    fn generic<U>(&self, (a, b): (u8, u8), c: &str) -> !;
                    #[brpc(skip)]
                    unsafe fn no_self(#[cfg(a)] a: A<'a>) -> &B;
                }
            },
        );
        assert_eq!(found.len(), 20, "{found:#?}");
        assert_eq!(
            mistakes(
                quote!(),
                parse_quote!(
                    trait Empty {}
                )
            )
            .len(),
            1
        );
    }
}
