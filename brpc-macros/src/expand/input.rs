//! From the payload to a method's inputs, and their schema.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::model::{Method, Run};
use crate::syntax::respanned;

/// ```text
/// (a: i64, b: i64)
/// // makes
/// |schemas| __brpc::object_schema(schemas, &[
///     ("a", __brpc::Takes::<i64>::input().member),
///     ("b", __brpc::Takes::<i64>::input().member),
/// ])
/// ```
pub(super) fn schema(method: &Method) -> TokenStream {
    match &method.inputs[..] {
        [] => quote!(__brpc::no_schema),
        [only] => {
            let role = role(&only.ty);
            quote_spanned!(Span::mixed_site()=> |schemas| #role.schema(schemas))
        }
        several => {
            let roles = several.iter().map(|one| role(&one.ty));
            let names = several.iter().map(|one| one.name().map(|name| name.unraw().to_string()));
            quote_spanned! {Span::mixed_site()=>
                |schemas| __brpc::object_schema(schemas, &[#((#names, #roles.member)),*])
            }
        }
    }
}

/// The schema of a method that doesn't describe its input.
pub(super) fn hidden_schema(method: &Method) -> TokenStream {
    if method.inputs.is_empty() { quote!(__brpc::no_schema) } else { quote!(__brpc::any_schema) }
}

/// ```text
/// (a: i64, b: i64)
/// // makes
/// let (a, b) = {
///     let mut given = __brpc::Arguments::parse(context, payload, &["a", "b"])?;
///     (
///         __brpc::Arguments::take(&mut given, "a", &__brpc::Takes::<i64>::input())?,
///         __brpc::Arguments::take(&mut given, "b", &__brpc::Takes::<i64>::input())?,
///     )
/// };
/// ```
pub(super) fn decode(method: &Method, names: &[Ident]) -> TokenStream {
    // The context knows how the payload is written.
    let given = match method.run {
        Run::Sync | Run::Blocking => quote_spanned!(Span::mixed_site()=> context, payload),
        Run::Async | Run::AsyncToEnd => quote_spanned!(Span::mixed_site()=> &context, &payload),
    };
    match &method.inputs[..] {
        [] => quote_spanned!(Span::mixed_site()=> __brpc::no_input(#given)?;),
        [only] => {
            let role = role(&only.ty);
            quote_spanned!(Span::mixed_site()=> let #(#names)* = #role.decode(#given)?;)
        }
        several => {
            let roles = several.iter().map(|one| role(&one.ty));
            let texts: Vec<String> = names.iter().map(|name| name.unraw().to_string()).collect();
            quote_spanned! {Span::mixed_site()=>
                let (#(#names),*) = {
                    let mut given = __brpc::Arguments::parse(#given, &[#(#texts),*])?;
                    (#(__brpc::Arguments::take(&mut given, #texts, &#roles)?),*)
                };
            }
        }
    }
}

/// The variables for a method's inputs: their own names, apart from the other variables by hygiene.
pub(super) fn variables(method: &Method) -> Vec<Ident> {
    let named = method.inputs.iter().map(|input| match input.name() {
        Some(name) => respanned(name, Span::call_site().located_at(name.span())),
        None => format_ident!("input", span = Span::call_site()),
    });
    named.collect()
}

/// The role of an input of this type.
fn role(ty: &Type) -> TokenStream {
    // An error is reported from the first of these tokens to the last.
    let (start, end) =
        (Span::mixed_site().located_at(ty.span()), Span::mixed_site().located_at(last(ty)));
    let takes = quote_spanned!(start=> __brpc::Takes::<#ty>);
    let input = quote_spanned!(end=> ::input);
    quote_spanned!(start=> #takes #input())
}

/// The span of a type's last token.
fn last(ty: &Type) -> Span {
    ty.to_token_stream().into_iter().last().map_or_else(Span::call_site, |token| match token {
        TokenTree::Group(group) => group.span_close(),
        token => token.span(),
    })
}
