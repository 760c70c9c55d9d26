//! The method that compares a client with its plugins.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Type, parse_quote};

use super::super::input;
use super::Client;

impl Client<'_> {
    /// ```text
    /// pub fn greet(&self, req: Greet) -> Greeting { .. }
    /// #[cfg(unix)] pub fn user(&self) -> User { .. }
    /// // makes
    /// const _: () = {
    ///     type __T2 = ();
    ///     const _: () = {
    ///         #[cfg(unix)] type __T2 = User;
    ///         impl<B> GreeterClient<B> {
    ///             pub fn check_interface(&self) -> Result<(), __brpc::InterfaceError>
    ///             where
    ///                 B: __brpc::Checks + Describes<Greet> + Describes<Greeting> + Describes<__T2>,
    ///             {
    ///                 __brpc::Checks::check(&self.binding, &[
    ///                     __brpc::wanted("greet", &[("req", schema::<Greet>)], schema::<Greeting>),
    ///                     #[cfg(unix)] __brpc::wanted("user", &[], schema::<__T2>),
    ///                 ])
    ///             }
    ///         }
    ///     };
    /// };
    /// ```
    ///
    /// A bound can't have a `#[cfg(..)]`. So the types of a method that has one stand behind
    /// aliases, which are `()` where the method is configured out: an alias in the block shadows
    /// the one outside.
    pub(super) fn check_interface(&self, ident: &Ident) -> TokenStream {
        let Self { brpc, methods, allowed, .. } = self;
        let (mut bounds, mut aliases, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for method in *methods {
            let (cfgs, name) = (&method.cfgs, &method.name.text);
            let mut types = self.inputs(method);
            types.push(self.output(method));
            if !cfgs.is_empty() {
                for (index, ty) in (bounds.len()..).zip(&mut types) {
                    let alias = format_ident!("__T{index}", span = Span::mixed_site());
                    let ty = std::mem::replace(ty, parse_quote!(#alias));
                    aliases.push((alias, quote!(#(#cfgs)*), ty));
                }
            }
            let schema =
                |ty: &Type| quote!(<B as #brpc::Describes<#ty>>::schema as #brpc::MakeSchema);
            let (output, inputs) = types.split_last().expect("the output was put in");
            let names = input::variables(method).into_iter().map(|name| name.unraw().to_string());
            let (inputs, output) = (inputs.iter().map(schema), schema(output));
            wanted.push(quote_spanned! {Span::mixed_site()=>
                #(#cfgs)*
                #brpc::wanted(#name, &[#((#names, #inputs)),*], #output)
            });
            bounds.extend(types);
        }
        let of_methods = methods.iter().flat_map(|method| &method.allowed);
        let compared = quote_spanned! {Span::mixed_site()=>
            #[automatically_derived]
            #(#allowed)*
            #(#of_methods)*
            impl<B> #ident<B> {
                /// Compares what this client expects with the current descriptions of the plugins
                /// that it calls: whether they have its methods, accept what it sends, and send
                /// what it accepts.
                ///
                /// It reads the descriptions that the hub has, sends nothing, and decodes them each
                /// time, so check once and not before each call. The result may change: a plugin
                /// may be replaced, and one that connects later isn't checked. Only what may make a
                /// call fail counts as a difference, by the schemas, which omit `serde`'s `alias`
                /// and `other`.
                ///
                /// # Errors
                /// With every difference, at most 100 per plugin. A client of one plugin also fails
                /// if that isn't connected; a client of many has no difference if no plugin
                /// matches.
                pub fn check_interface(&self) -> #brpc::Result<(), #brpc::InterfaceError>
                where
                    B: #brpc::Checks #(+ #brpc::Describes<#bounds>)*,
                {
                    #brpc::Checks::check(&self.binding, &[#(#wanted),*])
                }
            }
        };
        if aliases.is_empty() {
            return compared;
        }
        let outer = aliases.iter().map(|(alias, ..)| alias);
        let inner = aliases.iter().map(|(alias, cfgs, ty)| quote!(#cfgs type #alias = #ty;));
        quote_spanned! {Span::mixed_site()=>
            const _: () = {
                #(type #outer = ();)*
                const _: () = {
                    #(#inner)*
                    #compared
                };
            };
        }
    }
}
