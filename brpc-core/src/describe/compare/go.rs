//! Plugins of the Go package, whose descriptions and JSON leave more open.
//!
//! - Once the package has described a `[]T`, it may describe a `T` as `[]T`, too, and a `[]T` as
//!   `[][]T`: it keeps one description for all of them, and changes it. So a list in its description
//!   may be fewer lists within each other, or none. It is never more.
//! - It describes an array `[2]T` as `[]T`, which may have any length, and be nil.
//! - Go's JSON writes `null` for a list or map that is nil, and bytes in base64. A client decodes
//!   them as what it wants, so they are no difference where it takes a list or map.

use super::node::Node;
use super::refusal::{Refusal, are_certain, are_of_all, uncertain};
use super::walk::{Nulls, OfForm, OfGo, Walk};

impl<'a> Walk<'a> {
    /// Drops the refusals of what the client decodes as what it takes.
    pub(super) fn forgive(&self, forms: &mut [OfForm<'_>], sent: Node<'a>, taken: Node<'a>) {
        let is_list = sent.rule("items").is_some();
        let is_map = !is_list && sent.rule("properties").is_none();
        if self.of_go != OfGo::Sender || !(is_list || is_map) {
            return;
        }
        let accepts =
            |kind| forms.iter().any(|(of, refusals)| *of == Some(kind) && !are_of_all(refusals));
        let (text_is_taken, list_is_taken) = (accepts("string"), is_list && accepts("array"));
        let many_are_taken = list_is_taken || (is_map && accepts("object"));
        // A type with fields or places has none of them in `null`.
        let empty_is_taken = ["properties", "prefixItems", "minItems"];
        let empty_is_taken = empty_is_taken.iter().all(|rule| taken.rule(rule).is_none());
        for (kind, refusals) in forms {
            let is_forgiven = match *kind {
                Some("null") if list_is_taken && !empty_is_taken => {
                    // It may be an array, which is never nil.
                    *refusals = uncertain(std::mem::take(refusals));
                    false
                }
                Some("null") => many_are_taken && empty_is_taken,
                Some("string") => list_is_taken,
                // The bytes of a slice are a text, and those of an array are a list.
                Some("array") => text_is_taken,
                _ => false,
            };
            if is_forgiven {
                refusals.clear();
            }
        }
    }

    /// The same refusals; uncertain, if a plugin's list may be none and its elements fit.
    pub(super) fn doubt(
        &mut self,
        refusals: Vec<Refusal>,
        nulls: Nulls,
        (sent, taken): (Node<'a>, Node<'a>),
        path: &str,
    ) -> Vec<Refusal> {
        let described = match self.of_go {
            OfGo::Sender => sent,
            OfGo::Taker => taken,
            OfGo::Neither => return refusals,
        };
        let Some(items) = described.rule("items").filter(|_| are_certain(&refusals)) else {
            return refusals;
        };
        let element = described.at(items);
        let (sent, taken) =
            if self.of_go == OfGo::Sender { (element, taken) } else { (sent, element) };
        let of_element = self.compare_with(nulls, sent, taken, path);
        if are_certain(&of_element) { refusals } else { uncertain(refusals) }
    }
}
