//! The typed client of a plugin or an interface.

mod interface;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Ident, Path, Type, Visibility, parse_quote};

use super::owned::owned;
use super::returned::spelled_result;
use super::{input, located};
use crate::docs::Documentation;
use crate::model::{Interface, Method, Plugin};
use crate::syntax::ungrouped;

/// The parts of a client.
struct Client<'m> {
    /// The type whose methods it calls.
    of: &'m Ident,
    visibility: Visibility,
    /// The docs of an interface.
    docs: Option<Documentation>,
    /// What the attributes of the block or trait allow.
    allowed: &'m [Attribute],
    brpc: Path,
    methods: &'m [Method],
}

/// The client of a plugin that is marked `client`.
pub(crate) fn of_plugin(plugin: &Plugin) -> Option<TokenStream> {
    let (_, of) = (plugin.client.as_ref()?, plugin.type_name()?);
    let facade = &plugin.facade;
    let client = Client {
        of,
        visibility: parse_quote!(pub),
        docs: None,
        allowed: &plugin.allowed,
        brpc: parse_quote!(#facade::__private),
        methods: &plugin.methods,
    };
    let client = client.expand();
    let checks = plugin.methods.iter().filter_map(|method| spelling(method, facade));
    Some(quote! { #client #(#checks)* })
}

/// The client of an interface, in place of it.
pub(crate) fn of_interface(interface: &Interface) -> TokenStream {
    let (facade, item) = (&interface.facade, &interface.item);
    let client = Client {
        of: &item.ident,
        visibility: item.vis.clone(),
        docs: Some(Documentation::of(&item.attrs)).filter(|docs| !docs.is_empty()),
        allowed: &interface.allowed,
        brpc: parse_quote!(#facade::__private),
        methods: &interface.methods,
    };
    client.expand()
}

impl Client<'_> {
    /// ```text
    /// #[client] trait Greeter { async fn greet(&self, req: Greet) -> Greeting; }
    /// // makes
    /// pub struct GreeterClient<B> { binding: B }
    /// impl<C: Caller> GreeterClient<One<C>> { pub fn new(..); pub fn instance(..) }
    /// impl<C: Caller> GreeterClient<All<C>> { pub fn all(..); pub fn select(..) }
    /// impl<B> GreeterClient<B> { pub fn greet(..) }
    /// impl<B> GreeterClient<B> { pub fn check_interface(..) }
    /// ```
    fn expand(&self) -> TokenStream {
        let Self { of, visibility, allowed, brpc, methods, .. } = self;
        let ident = located(&format_ident!("{}Client", of.unraw()));
        let docs =
            attributes(self.docs.as_ref(), || format!("Calls the methods of [`{}`].", of.unraw()));
        let methods = methods.iter().map(|method| self.method(method));
        let check = self.check_interface(&ident);
        quote_spanned! {Span::mixed_site()=>
            #(#docs)*
            ///
            /// `new` and `instance` make a client of one plugin, `all` and `select` a client of
            /// many.
            #(#allowed)*
            #[#brpc::derive(#brpc::Clone, #brpc::Debug)]
            #visibility struct #ident<B> {
                binding: B,
            }

            #[automatically_derived]
            impl<C: #brpc::Caller> #ident<#brpc::One<C>> {
                /// Calls the plugin that has this name when a call is made.
                #[must_use]
                pub fn new(caller: &C, plugin: impl #brpc::AsRef<#brpc::str>) -> Self {
                    Self { binding: #brpc::One::name(caller, plugin) }
                }

                /// Calls this plugin on its connection, and no later plugin of the same name.
                #[must_use]
                pub fn instance(caller: &C, plugin: &<C as #brpc::Caller>::Plugin) -> Self {
                    Self { binding: #brpc::One::instance(caller, plugin) }
                }
            }

            #[automatically_derived]
            impl<C: #brpc::Caller> #ident<#brpc::All<C>> {
                /// Calls every plugin that is connected when a call is made. The methods return
                /// streams of names and outcomes.
                #[must_use]
                pub fn all(caller: &C) -> Self {
                    Self::select(caller, #brpc::Selector::all())
                }

                /// Calls every plugin that is connected and matches the selector when a call is
                /// made.
                #[must_use]
                pub fn select(caller: &C, plugins: #brpc::Selector) -> Self {
                    Self { binding: #brpc::All::new(caller, plugins) }
                }
            }

            #[automatically_derived]
            #(#allowed)*
            impl<B> #ident<B> {
                #(#methods)*
            }

            #check
        }
    }

    /// ```text
    /// pub fn add(&self, a: i64, b: i64) -> i64 { .. }
    /// // makes
    /// pub fn add(&self, a: i64, b: i64) -> <B as __brpc::Binding>::Call<i64>
    /// where
    ///     B: __brpc::Calls<__brpc::Argument<i64, __brpc::Argument<i64>>, i64>,
    /// {
    ///     let input = __brpc::Argument { name: "a", value: a, rest: .. };
    ///     __brpc::Calls::call(&self.binding, "add", &input)
    /// }
    /// ```
    fn method(&self, method: &Method) -> TokenStream {
        let Self { brpc, .. } = self;
        let Method { name, documentation, cfgs, allowed, signature, .. } = method;
        let (name, ident) = (&name.text, located(&signature.ident));
        let docs = Some(documentation).filter(|docs| !docs.is_empty());
        let docs = attributes(docs, || format!("Calls `{name}`."));
        let names = input::variables(method);
        let types = self.inputs(method);
        let output = self.output(method);
        let (input_type, input) = match (&types[..], &names[..]) {
            ([], _) => (quote!(()), quote!(())),
            ([ty], [name]) => (quote!(#ty), quote!(#name)),
            (types, names) => {
                let pairs = types.iter().zip(names).rev();
                pairs.fold((quote!(()), quote!(())), |(rest_type, rest), (ty, name)| {
                    let text = name.unraw().to_string();
                    (
                        quote!(#brpc::Argument<#ty, #rest_type>),
                        quote!(#brpc::Argument { name: #text, value: #name, rest: #rest }),
                    )
                })
            }
        };
        // At the types, so that the compiler points at the one that can't travel.
        let at = method.returned.as_ref().map_or_else(|| ident.span(), Spanned::span);
        let calls = quote_spanned! {Span::mixed_site().located_at(at)=>
            #brpc::Calls<#input_type, #output>
        };
        quote_spanned! {Span::mixed_site()=>
            #(#cfgs)*
            #(#allowed)*
            #(#docs)*
            pub fn #ident(&self, #(#names: #types),*) -> <B as #brpc::Binding>::Call<#output>
            where
                B: #calls,
            {
                #brpc::Calls::call(&self.binding, #name, &#input)
            }
        }
    }

    /// The types of the inputs.
    fn inputs(&self, method: &Method) -> Vec<Type> {
        method.inputs.iter().map(|input| self.owned(&input.ty)).collect()
    }

    /// The type of the output.
    fn output(&self, method: &Method) -> Type {
        let Some(returned) = &method.returned else { return parse_quote!(()) };
        let value = spelled_result(returned).and_then(|mut types| types.next());
        self.owned(value.unwrap_or(returned))
    }

    fn owned(&self, ty: &Type) -> Type {
        owned(ty, &self.brpc)
    }
}

/// The attributes of a documentation, or else of this one.
fn attributes(docs: Option<&Documentation>, or_else: impl FnOnce() -> String) -> Vec<Attribute> {
    if let Some(docs) = docs {
        return docs.attributes().collect();
    }
    let docs = or_else();
    vec![parse_quote!(#[doc = #docs])]
}

/// Has the compiler check that exactly what is spelled as a `Result` is one. That decides the
/// output of a call, and the macro sees only the spelling.
fn spelling(method: &Method, facade: &Path) -> Option<TokenStream> {
    let returned = method.returned.as_ref()?;
    if !matches!(ungrouped(returned), Type::Path(_)) {
        return None;
    }
    let returned = owned(returned, &parse_quote!(#facade::__private));
    let Method { cfgs, allowed, .. } = method;
    let at = Span::mixed_site().located_at(method.returned.span());
    let returns = quote_spanned!(at=> __brpc::Returns::<#returned>::IS_RESULT);
    let (is_right, problem) = if spelled_result(&returned).is_some() {
        (
            quote!(#returns),
            "this is named `Result` and is none; for a client, give the type another name",
        )
    } else {
        (
            quote!(!#returns),
            "this is a `Result` under another name; for a client, spell it `Result<T, E>`",
        )
    };
    Some(quote_spanned! {at=>
        #(#cfgs)*
        #(#allowed)*
        const _: () = {
            use #facade::__private as __brpc;
            use __brpc::ReturnsValue as _;
            __brpc::assert!(#is_right, #problem);
        };
    })
}
