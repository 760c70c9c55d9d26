//! Whether what one side sends is what the other one takes, by their schemas.
//!
//! Only what is certain to make a call fail counts as a difference: there is a value that the schema
//! of the sender allows, and that of the taker forbids. Whatever can't be judged counts as equal:
//! - a sender that doesn't say what it sends, be it `true` or an object without properties;
//! - integers without bounds, if the sender doesn't state any;
//! - texts with a `pattern` or a `format`, `multipleOf`, `uniqueItems`, `not`, conditions, and
//!   properties that are `unevaluated`;
//! - a value of which each of several forms takes a part, if they might take all of it together.
//!
//! A sender's object has the properties that its schema names, and no others unless it says so.

mod array;
mod count;
mod form;
mod node;
mod number;
mod object;
mod refusal;
mod walk;
mod words;

use schemars::{Schema, json_schema};

use self::node::{Budget, Node};
use self::walk::Walk;
use super::{Function, PluginInfo};
use crate::error::{Difference, Mismatch};

/// How a plugin differs from what a client counts on. Of each function that is wanted, the input is
/// what the client sends ([`outputs`](super::outputs)), and the output what it takes
/// ([`inputs`](super::inputs)).
///
/// What counts as a difference is certain to be able to make a call fail, as far as the schemas are
/// true. What can't be judged by them counts as equal.
pub fn mismatches(plugin: &PluginInfo, wanted: &[Function]) -> Vec<Mismatch> {
    wanted.iter().flat_map(|wanted| of_method(plugin, wanted)).collect()
}

fn of_method(plugin: &PluginInfo, wanted: &Function) -> Vec<Mismatch> {
    let found = plugin.functions.iter().find(|function| function.name == wanted.name);
    let differences = if let Some(found) = found {
        let inputs = refusals(("client", wanted.input.as_ref()), ("plugin", found.input.as_ref()));
        let outputs =
            refusals(("plugin", found.output.as_ref()), ("client", wanted.output.as_ref()));
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
fn refusals(sender: Side<'_>, taker: Side<'_>) -> Vec<(String, String)> {
    // What has no schema is `null`.
    let null = json_schema!({ "type": "null" });
    let [sent, received] = [sender.1, taker.1].map(|schema| Node::of(schema.unwrap_or(&null)));
    let budget = Budget::default();
    let found = Walk::new(sender.0, taker.0, &budget).refusals(sent, received);
    let mut refusals = Vec::new();
    for refusal in found {
        // Several rules may forbid the same.
        let refusal = (refusal.path, refusal.problem);
        if !refusals.contains(&refusal) {
            refusals.push(refusal);
        }
    }
    refusals
}

#[cfg(test)]
mod tests;
