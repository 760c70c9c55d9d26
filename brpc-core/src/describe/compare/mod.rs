//! Whether what one side sends is what the other one takes, by their schemas.
//!
//! Only what may make a call fail counts as a difference: there is a value that the schema of the
//! sender allows, and that of the taker forbids. Whatever can't be judged counts as equal:
//! - a sender that doesn't say what it sends, be it `true` or an object without properties;
//! - integers without bounds, if the sender doesn't state any;
//! - texts with a `pattern` or a `format`, `multipleOf`, `uniqueItems`, `not`, conditions, and
//!   properties that are `unevaluated`;
//! - a value of which each of several forms takes a part, if they might take all of it together;
//! - the `null` of a member that a sender may leave out: it leaves it out.
//!
//! It goes by the schemas. They don't know the `alias` of a field or a variant, nor that a variant is
//! `other`, nor a field that is skipped in a schema which takes no others (`deny_unknown_fields`), nor
//! that a struct decodes from an array of its fields, too: what only these explain is reported,
//! though it decodes.
//!
//! A sender's object has the properties that its schema names, and no others unless it says so.

mod array;
mod budget;
mod count;
mod form;
mod node;
mod number;
mod object;
mod refusal;
mod walk;
mod words;

use schemars::{Schema, json_schema};

use self::budget::Budget;
use self::node::Node;
use self::walk::Walk;
use super::{Function, PluginInfo};
use crate::error::{Difference, Mismatch};

/// How a plugin differs from what a client counts on. Of each function that is wanted, the input is
/// what the client sends ([`outputs`](super::outputs)), and the output what it takes
/// ([`inputs`](super::inputs)).
///
/// What counts as a difference may make a call fail: there is a value that the schema of the sender
/// allows, and that of the taker forbids. What can't be judged by them counts as equal. They don't
/// know the `alias` of a field or a variant, nor that a variant is `other`: what only these explain
/// is reported, though it decodes.
///
/// At the most 100 differences are told, and names and values in them are cut short. A plugin
/// whose schemas take too long to compare counts as equal in what was not looked at.
pub fn mismatches(plugin: &PluginInfo, wanted: &[Function]) -> Vec<Mismatch> {
    let budget = Budget::default();
    let all = wanted.iter().flat_map(|wanted| of_method(plugin, wanted, &budget));
    all.take(MAX_DIFFERENCES).collect()
}

/// The most differences of one plugin: more than anyone reads.
const MAX_DIFFERENCES: usize = 100;

fn of_method(plugin: &PluginInfo, wanted: &Function, budget: &Budget) -> Vec<Mismatch> {
    let found = plugin.functions.iter().find(|function| function.name == wanted.name);
    let differences = if let Some(found) = found {
        let sides = |wanted, found| (("client", wanted), ("plugin", found));
        let (client, offered) = sides(wanted.input.as_ref(), found.input.as_ref());
        let inputs = refusals(client, offered, budget);
        let (client, offered) = sides(wanted.output.as_ref(), found.output.as_ref());
        let outputs = refusals(offered, client, budget);
        let inputs = inputs.into_iter().map(|(path, problem)| Difference::Input { path, problem });
        let outputs =
            outputs.into_iter().map(|(path, problem)| Difference::Output { path, problem });
        inputs.chain(outputs).collect()
    } else {
        let known = plugin.functions.iter().map(|function| function.name.clone()).collect();
        vec![Difference::NoMethod { known }]
    };
    let of_it = |difference| Mismatch {
        plugin: plugin.name.clone(),
        method: wanted.name.clone(),
        difference,
    };
    differences.into_iter().map(of_it).collect()
}

/// A side of a call, and the schema that it has of what travels.
type Side<'a> = (&'static str, Option<&'a Schema>);

/// The paths of what isn't taken, and why.
fn refusals(sender: Side<'_>, taker: Side<'_>, budget: &Budget) -> Vec<(String, String)> {
    // What has no schema is `null`.
    let null = json_schema!({ "type": "null" });
    let [sent, received] = [sender.1, taker.1].map(|schema| Node::of(schema.unwrap_or(&null)));
    let found = Walk::new(sender.0, taker.0, budget).refusals(sent, received);
    let mut refusals = Vec::new();
    for refusal in found {
        // Several rules may forbid the same.
        let refusal = (refusal.path, refusal.problem);
        if !refusals.contains(&refusal) {
            refusals.push(refusal);
        }
        if refusals.len() == MAX_DIFFERENCES {
            break;
        }
    }
    refusals
}

#[cfg(test)]
mod tests;
