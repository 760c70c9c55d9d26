//! Doc comments as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the doc comments among `attrs`.
///
/// A space at the start of a line belongs to the comment's marker, not to the text. A doc attribute
/// that isn't a literal, such as `#[doc = include_str!("..")]`, is left out: the macro can't see
/// its text.
pub(crate) fn description(attrs: &[Attribute]) -> String {
    let texts: Vec<String> = attrs.iter().filter_map(text).collect();
    let lines = texts.iter().flat_map(|text| text.lines().chain(text.is_empty().then_some("")));
    let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n").trim().to_owned()
}

fn text(attr: &Attribute) -> Option<String> {
    match &attr.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn lines_are_joined_and_trimmed() {
        let attrs: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Greets."]),
            parse_quote!(#[allow(unused)]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = "   indented "]),
            parse_quote!(#[doc = include_str!("x")]),
            parse_quote!(#[doc(hidden)]),
            parse_quote!(#[doc = " one\n two\n"]),
        ];
        assert_eq!(description(&attrs), "Greets.\n\n  indented \none\ntwo");
        assert_eq!(description(&[]), "");
    }
}
