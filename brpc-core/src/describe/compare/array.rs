//! Arrays: their length and their elements.

use super::form::{Form, What};
use super::node::Node;
use super::refusal::{Refusal, element, of_part};
use super::walk::{OfGo, Walk};

impl<'a> Walk<'a> {
    /// The refusals of an array.
    pub(super) fn of_array(
        &mut self,
        form: &Form<'a>,
        taken: Node<'a>,
        path: &str,
    ) -> Vec<Refusal> {
        if matches!(form.what, What::Value(_)) {
            return Vec::new();
        }
        let (least, most) = (form.at_least("minItems"), form.at_most("maxItems"));
        let rules = ["minItems", "maxItems"];
        let count = self.of_count((least, most), taken, rules, "element", path);
        // Go describes an array as a list, without its length.
        let is_certain = self.of_go != OfGo::Sender;
        let mut found: Vec<_> =
            count.map(|one| Refusal { is_certain, ..one }).into_iter().collect();

        let listed = |node: &Node<'a>| node.count("prefixItems");
        let places = form.nodes.iter().map(listed).max().unwrap_or(0).max(listed(&taken));
        // Behind the listed elements, all have the same schema.
        for index in 0..=places {
            if most <= index as u64 || self.budget.take(2 + 2 * form.nodes.len()).is_none() {
                break;
            }
            let (Some(sent), Some(to)) = (sent_at(form, index), at(taken, index)) else { continue };
            let is_sent = least > index as u64;
            let path = element(path, (index < places).then_some(index));
            found.extend(of_part(self.compare(sent, to, &path), is_sent));
        }
        found
    }
}

/// The schema of an element.
fn at(node: Node<'_>, index: usize) -> Option<Node<'_>> {
    let listed = node.list("prefixItems").nth(index);
    listed.or_else(|| Some(node.at(node.rule("items")?)))
}

/// The schema of a sent element, if only one of the form's schemas has it.
fn sent_at<'a>(form: &Form<'a>, index: usize) -> Option<Node<'a>> {
    let mut schemas = form.nodes.iter().filter_map(|node| at(*node, index));
    schemas.next().filter(|_| schemas.next().is_none())
}
