//! From a method's return value to the answer, and its schema.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, Type};

use crate::model::Method;
use crate::syntax::ungrouped;

/// The type that a method returns, and the span for the compiler's errors.
pub(super) struct Returned<'m> {
    ty: Option<&'m Type>,
    output: Span,
    error: Span,
}

impl<'m> Returned<'m> {
    /// Errors of a spelled-out `Result<T, E>` are reported at `T` and at `E`. The type decides
    /// whether it is a `Result`.
    pub(super) fn of(method: &'m Method) -> Self {
        let ty = method.returned.as_ref();
        let whole = ty.map_or_else(|| method.signature.ident.span(), Spanned::span);
        let mut types = ty.and_then(spelled_result).into_iter().flatten().map(Spanned::span);
        let output = types.next().unwrap_or(whole);
        Self { ty, output, error: types.next().unwrap_or(whole) }
    }

    /// `__brpc::Returns::<T>::output().role()`
    pub(super) fn role(&self) -> TokenStream {
        let (returns, at) = (self.returns(), Span::mixed_site().located_at(self.output));
        quote_spanned!(at=> #returns::output().role())
    }

    /// ```text
    /// let returned = __brpc::Returns::<Result<Greeting, GreetError>>::split(returned);
    /// __brpc::answer(returned, |output| output.role(), |error| error.role())
    /// ```
    pub(super) fn answer(&self) -> TokenStream {
        let returns = self.returns();
        let output = Span::mixed_site().located_at(self.output);
        let output = quote_spanned!(output=> output.role());
        let error = Span::mixed_site().located_at(self.error);
        let error = quote_spanned!(error=> error.role());
        quote_spanned! {Span::mixed_site()=>
            let returned = #returns::split(returned);
            __brpc::answer(returned, |output| #output, |error| #error)
        }
    }

    /// `__brpc::Returns::<T>`
    fn returns(&self) -> TokenStream {
        let ty = self.ty.map_or_else(|| quote!(()), ToTokens::to_token_stream);
        quote_spanned!(Span::mixed_site()=> __brpc::Returns::<#ty>)
    }
}

/// The types in a `Result<T, E>` or `io::Result<T>` that is spelled like one.
pub(super) fn spelled_result(ty: &Type) -> Option<impl Iterator<Item = &Type>> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    Some(arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }))
}
