//! Reads and changes syntax.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Type;

/// A type without parentheses, and without the invisible ones of a `macro_rules!` fragment.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

/// The last segment of a type's path.
pub(crate) fn type_name(ty: &Type) -> Option<&Ident> {
    match ungrouped(ty) {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// Where a type names `Self`.
pub(crate) fn selves(ty: &Type) -> Vec<Ident> {
    fn collect(tokens: TokenStream, found: &mut Vec<Ident>) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if ident == "Self" => found.push(ident),
                TokenTree::Group(group) => collect(group.stream(), found),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(ty.to_token_stream(), &mut found);
    found
}

/// A type with the name of `Self` in place of the word, so that it means the same anywhere: also in
/// an expression (`[u8; Self::LEN]`) and in what is given to a macro.
pub(crate) fn named_self(ty: &Type, self_type: &Type) -> Type {
    let named = with_named_self(ty.to_token_stream(), &self_type.to_token_stream());
    syn::parse2(named).unwrap_or_else(|_| ty.clone())
}

fn with_named_self(tokens: TokenStream, name: &TokenStream) -> TokenStream {
    let mut named = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let name = located(name.clone(), ident.span());
                let is_start_of_path =
                    matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == ':');
                named.extend(if is_start_of_path { quote!(<#name>) } else { name });
            }
            TokenTree::Group(group) => {
                let mut inner =
                    Group::new(group.delimiter(), with_named_self(group.stream(), name));
                inner.set_span(group.span());
                named.extend([TokenTree::Group(inner)]);
            }
            token => named.extend([token]),
        }
    }
    named
}

/// Tokens that mean what they mean where they are, for errors at another place.
fn located(tokens: TokenStream, at: Span) -> TokenStream {
    let move_one = |mut token: TokenTree| {
        token.set_span(token.span().located_at(at));
        if let TokenTree::Group(group) = &token {
            let mut moved = Group::new(group.delimiter(), located(group.stream(), at));
            moved.set_span(group.span());
            return moved.into();
        }
        token
    };
    tokens.into_iter().map(move_one).collect()
}

/// A name of the user's for generated code, with this span.
///
/// That code is of this crate's edition, in which a name may be a keyword that is none in the user's.
pub(crate) fn respanned(ident: &Ident, span: Span) -> Ident {
    let name = ident.to_string();
    if KEYWORDS.contains(&&*name) {
        return Ident::new_raw(&name, span);
    }
    let mut ident = ident.clone();
    ident.set_span(span);
    ident
}

/// The keywords that editions have added.
const KEYWORDS: [&str; 5] = ["async", "await", "dyn", "gen", "try"];

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn self_has_a_name_anywhere() {
        let plugin: Type = parse_quote!(a::Counter<u8>);
        let pairs: [(Type, Type); 6] = [
            (parse_quote!(Self), parse_quote!(a::Counter<u8>)),
            (parse_quote!(Vec<(Self, u8)>), parse_quote!(Vec<(a::Counter<u8>, u8)>)),
            (parse_quote!([u8; Self::LEN]), parse_quote!([u8; <a::Counter<u8>>::LEN])),
            (parse_quote!([u8; 2 * size!(Self)]), parse_quote!([u8; 2 * size!(a::Counter<u8>)])),
            (
                parse_quote!(<Self as Iterator>::Item),
                parse_quote!(<a::Counter<u8> as Iterator>::Item),
            ),
            (parse_quote!(Selfie), parse_quote!(Selfie)),
        ];
        for (ty, expected) in pairs {
            let text = |ty: &Type| ty.to_token_stream().to_string();
            assert_eq!(selves(&ty).len(), usize::from(text(&ty) != text(&expected)));
            assert_eq!(text(&named_self(&ty, &plugin)), text(&expected));
        }
    }

    #[test]
    fn a_name_is_no_keyword_of_another_edition() {
        let name = |name| respanned(&Ident::new(name, Span::call_site()), Span::call_site());
        assert_eq!(name("gen").to_string(), "r#gen");
        assert_eq!(name("generate").to_string(), "generate");
        let raw = Ident::new_raw("type", Span::call_site());
        assert_eq!(respanned(&raw, Span::call_site()).to_string(), "r#type");
    }
}
