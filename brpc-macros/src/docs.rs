//! Doc comments as rustdoc shows them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, parse_quote};

use crate::carried::{self, Carried};

/// The documentation of an item: parts that are lines of their own.
#[derive(Default)]
pub(crate) struct Documentation(Vec<Part>);

/// What is known when the macro runs is one part; an expression, such as `include_str!("..")`, and
/// what a `#[cfg_attr(..)]` adds are parts of their own.
struct Part {
    conditions: Vec<Meta>,
    /// An expression that is a text.
    text: TokenStream,
}

impl Documentation {
    /// That of an item with these attributes.
    pub(crate) fn of(attrs: &[Attribute]) -> Self {
        let mut this = Self::default();
        let mut known = Vec::new();
        for Carried { conditions, meta } in carried::named(attrs, "doc") {
            let Meta::NameValue(doc) = meta else { continue };
            match doc.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if conditions.is_empty() => {
                    known.push(Comment::of(&text));
                }
                expression => {
                    this.push_known(&mut known);
                    this.0.push(Part { conditions, text: expression.into_token_stream() });
                }
            }
        }
        this.push_known(&mut known);
        this
    }

    fn push_known(&mut self, comments: &mut Vec<Comment>) {
        let text = joined(comments);
        comments.clear();
        if !text.is_empty() {
            self.0.push(Part { conditions: Vec::new(), text: text.into_token_stream() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts as elements of an array.
    pub(crate) fn elements(&self) -> impl Iterator<Item = TokenStream> {
        self.0.iter().map(|Part { conditions, text }| quote!(#(#[cfg(#conditions)])* #text))
    }

    /// The parts as attributes.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute> {
        self.0.iter().map(|Part { conditions, text }| {
            let meta: Meta = parse_quote!(doc = #text);
            Carried { conditions: conditions.clone(), meta: meta.clone() }.attribute(meta)
        })
    }
}

/// The text of a doc comment, or of a doc attribute that is a literal.
struct Comment {
    form: Form,
    text: String,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    /// `/// ..`
    Line,
    /// `/** .. */`
    Block,
    /// `#[doc = ".."]`
    Attribute,
}

impl Comment {
    fn of(text: &LitStr) -> Self {
        // The compiler makes attributes of all forms, and the span is that of what was written.
        let form = match text.span().source_text() {
            Some(source) if source.starts_with("//") => Form::Line,
            Some(source) if source.starts_with("/*") => Form::Block,
            _ => Form::Attribute,
        };
        Self { form, text: text.value() }
    }
}

/// Several comments as one text, without the indentation that all lines have.
///
/// The space behind `///` is part of a comment's text, and none is in an attribute's. So where there
/// are both, an attribute counts as indented by one more.
fn joined(comments: &[Comment]) -> String {
    let is_attribute = |comment: &Comment| comment.form == Form::Attribute;
    let is_mixed = comments.iter().any(is_attribute) && !comments.iter().all(is_attribute);
    let texts: Vec<(usize, String)> = comments
        .iter()
        .map(|comment| {
            let extra = usize::from(is_mixed && is_attribute(comment));
            let is_block = comment.form == Form::Block;
            (extra, if is_block { without_stars(&comment.text) } else { comment.text.clone() })
        })
        .collect();
    let of_lines = texts.iter().flat_map(|(extra, text)| {
        let filled = text.lines().filter(|line| !line.trim().is_empty());
        filled.map(move |line| extra + indentation(line))
    });
    let least = of_lines.min().unwrap_or_default();
    let lines = texts.iter().flat_map(|(extra, text)| {
        let unindented = move |line| unindented(line, least.saturating_sub(*extra));
        text.lines().map(unindented).chain(text.is_empty().then_some(""))
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

fn unindented(line: &str, by: usize) -> &str {
    &line[indentation(line).min(by)..]
}

/// The text of a block comment without the stars that frame it: whole lines of stars at its start
/// and end, and a column of stars at its left edge.
fn without_stars(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let is_frame = |line: &&str| line.bytes().all(|byte| byte == b'*');
    if lines.len() > 1 && lines.first().is_some_and(is_frame) {
        lines.remove(0);
    }
    if lines.len() > 1 && lines.last().is_some_and(|line| !line.is_empty() && is_frame(line)) {
        lines.pop();
    }
    if let Some(edge) = edge(&lines) {
        for line in &mut lines {
            let starred = line.strip_prefix(&*edge);
            let bare = starred.and_then(|line| line.strip_prefix('*'));
            let is_edge = |line: &&str| line.is_empty() || line.starts_with([' ', '*']);
            *line = bare.filter(is_edge).or(starred).unwrap_or(line);
        }
    }
    lines.join("\n")
}

/// What is left of the column of stars, if each line has one there. The first line, which follows
/// `/**`, need not, nor empty lines at both ends.
fn edge(lines: &[&str]) -> Option<String> {
    let star = |line: &str| {
        let (blank, rest) = line.split_at(indentation(line));
        rest.starts_with('*').then(|| blank.to_owned())
    };
    let lines = if star(lines.first()?).is_some() { lines } else { &lines[1..] };
    let is_filled = |line: &&str| !line.trim().is_empty();
    let start = lines.iter().position(is_filled)?;
    let end = lines.iter().rposition(is_filled)?;
    let edge = star(lines[start])?;
    let has_it = |line: &&str| star(line).is_some_and(|blank| blank.len() == edge.len());
    lines[start..=end].iter().all(has_it).then_some(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(comments: &[(Form, &str)]) -> String {
        let comment = |&(form, text): &(Form, &str)| Comment { form, text: text.to_owned() };
        joined(&comments.iter().map(comment).collect::<Vec<_>>())
    }

    #[test]
    fn lines_lose_what_all_are_indented_by() {
        use Form::{Attribute, Line};
        let lines = [(Line, " Greets."), (Line, ""), (Line, "     by name"), (Line, "   later ")];
        assert_eq!(shown(&lines), "Greets.\n\n    by name\n  later");
        assert_eq!(
            shown(&[(Line, "   One."), (Line, "  Two.")]),
            "One.\nTwo.".replace("One", " One").trim()
        );
        assert_eq!(shown(&[(Line, " One."), (Attribute, "Two.")]), "One.\nTwo.");
        assert_eq!(
            shown(&[(Line, " One."), (Attribute, " Two.\n  Three.")]),
            "One.\n Two.\n  Three."
        );
        assert_eq!(shown(&[(Attribute, "  One.\n   Two.")]), "One.\n Two.");
        assert_eq!(shown(&[]), "");
    }

    #[test]
    fn a_block_loses_its_stars() {
        for (text, expected) in [
            ("\n * Greets.\n *\n *     by name\n ", "Greets.\n\n    by name"),
            ("***\nGreets.\n***", "Greets."),
            (" Greets.\n * Politely.\n", "Greets.\n Politely."),
            ("\n     Greets.\n\n     - by name\n", "Greets.\n\n- by name"),
            ("\n * one\n   * two\n", "* one\n  * two"),
            ("\n *one\n *two\n", "*one\n*two"),
            (" Greets. ", "Greets."),
            ("", ""),
            ("\n", ""),
        ] {
            assert_eq!(shown(&[(Form::Block, text)]), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_known_yet_is_a_part_of_its_own() {
        let attrs: [Attribute; 6] = [
            parse_quote!(#[doc = "Greets."]),
            parse_quote!(#[allow(unused)]),
            parse_quote!(#[cfg_attr(a, doc = "Politely.", cfg_attr(b, doc(hidden), doc = "Twice."))]),
            parse_quote!(#[doc = include_str!("x")]),
            parse_quote!(#[doc = "By"]),
            parse_quote!(#[doc = "name."]),
        ];
        let documentation = Documentation::of(&attrs);
        let elements: Vec<String> =
            documentation.elements().map(|element| element.to_string()).collect();
        let expected = [
            quote!("Greets."),
            quote!(
                #[cfg(a)]
                "Politely."
            ),
            quote!(
                #[cfg(a)]
                #[cfg(b)]
                "Twice."
            ),
            quote!(include_str!("x")),
            quote!("By\nname."),
        ];
        assert_eq!(elements, expected.map(|element| element.to_string()));
        let attributes = documentation.attributes().map(|it| it.to_token_stream().to_string());
        let twice: Attribute = parse_quote!(#[cfg_attr(a, cfg_attr(b, doc = "Twice."))]);
        assert_eq!(attributes.collect::<Vec<_>>()[2], twice.to_token_stream().to_string());
        assert!(Documentation::of(&[parse_quote!(#[doc = " "])]).is_empty());
    }
}
