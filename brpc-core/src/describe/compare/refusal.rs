//! Refusals: what the receiver doesn't accept, and where.

use super::words::{MAX_NAME, cut};

/// Something that the receiver doesn't accept.
#[derive(Clone)]
pub(super) struct Refusal {
    /// Its path.
    pub(super) path: String,
    /// What is accepted there, and what is sent.
    pub(super) problem: String,
    /// Whether it refuses all values, and not only some.
    pub(super) is_of_all: bool,
    /// What it implies about the form that the sender meant, if the receiver has several.
    pub(super) hint: Hint,
    /// Whether the schemas say what is meant; those of the Go package may not.
    pub(super) is_certain: bool,
}

/// Whether a form that refuses something was meant by the sender.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Hint {
    /// It was not: another type, or other members.
    OtherShape,
    /// It was not: another constant, such as a tag. The same holds for what contains it.
    OtherConstant,
    /// It may have been.
    None,
}

/// Whether it refuses all values.
pub(super) fn are_of_all(refusals: &[Refusal]) -> bool {
    refusals.iter().any(|refusal| refusal.is_of_all)
}

/// Whether something is refused for certain.
pub(super) fn are_certain(refusals: &[Refusal]) -> bool {
    refusals.iter().any(|refusal| refusal.is_certain)
}

/// The same refusals, none of them certain.
pub(super) fn uncertain(refusals: Vec<Refusal>) -> Vec<Refusal> {
    refusals.into_iter().map(|one| Refusal { is_certain: false, ..one }).collect()
}

/// The refusals of a part, as refusals of the whole. `is_sent` says whether there is always such a
/// part.
pub(super) fn of_part(refusals: Vec<Refusal>, is_sent: bool) -> impl Iterator<Item = Refusal> {
    refusals.into_iter().map(move |one| Refusal {
        is_of_all: one.is_of_all && is_sent,
        // A part of another shape implies nothing about the whole.
        hint: if one.hint == Hint::OtherConstant { one.hint } else { Hint::None },
        ..one
    })
}

/// The path of a member.
pub(super) fn member(path: &str, name: &str) -> String {
    let name = cut(name, MAX_NAME);
    if path == "." { name.into_owned() } else { format!("{path}.{name}") }
}

/// The path of an element.
pub(super) fn element(path: &str, index: Option<usize>) -> String {
    let index = index.map(|index| index.to_string()).unwrap_or_default();
    if path == "." { format!("[{index}]") } else { format!("{path}[{index}]") }
}
