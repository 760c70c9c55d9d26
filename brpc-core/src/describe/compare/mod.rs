//! Whether one side accepts what the other sends, by their schemas.
//!
//! Only what may make a call fail counts as a difference: a value that the sender's schema allows
//! and the receiver's forbids. Whatever can't be decided counts as equal:
//! - a sender that doesn't describe what it sends, by `true` or an object without properties;
//! - integers without bounds, if the sender doesn't state any;
//! - texts with a `pattern` or a `format`, names of members with a pattern other than that of integers, `multipleOf`, `uniqueItems`, `not`, conditions, and
//!   properties that are `unevaluated`;
//! - a value of which each of several forms takes a part, if they might take all of it together;
//! - the `null` of a member that a sender may leave out: it leaves it out.
//!
//! The comparison sees only the schemas. They omit the `alias` of a field or a variant, that a
//! variant is `other`, a field that is skipped in a schema with `deny_unknown_fields`, and that a
//! struct also decodes from an array of its fields. Differences that only these would explain are
//! reported, though the values decode.
//!
//! A sender's object has the properties that its schema names, and no others unless it says so.

mod array;
mod budget;
mod count;
mod form;
mod go;
mod names;
mod node;
mod number;
mod object;
mod refusal;
mod walk;
mod words;

use schemars::{Schema, json_schema};

use self::budget::Budget;
use self::node::Node;
use self::refusal::Refusal;
use self::walk::{OfGo, Walk};
use super::{Function, PluginInfo};
use crate::dialect::Dialect;
use crate::error::{Difference, Mismatch};

/// How a plugin differs from what a client expects. The input of a wanted function is what the
/// client sends ([`outputs`](super::outputs)), and the output what it accepts
/// ([`inputs`](super::inputs)).
///
/// A difference may make a call fail: the sender's schema allows a value that the receiver's
/// forbids. What the schemas can't decide counts as equal, and so does what a plugin of the Go
/// package may have described wrongly. They omit the `alias` of a field or a variant, and that a
/// variant is `other`: differences that only these would explain are reported, though the values
/// decode.
///
/// At most 100 differences are reported, and names and values in them are cut short. If a plugin's
/// schemas take too long to compare, the rest of them counts as equal.
pub fn mismatches(plugin: &PluginInfo, wanted: &[Function]) -> Vec<Mismatch> {
    compare(plugin, wanted).certain
}

/// How a plugin differs from what a client expects.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// What may make a call fail.
    pub(crate) certain: Vec<Mismatch>,
    /// What would, if the plugin meant what its description says; see [`go`].
    pub(crate) untold: Vec<Mismatch>,
}

/// The same as [`mismatches`], and what can't be told.
pub(crate) fn compare(plugin: &PluginInfo, wanted: &[Function]) -> Differences {
    let budget = Budget::default();
    let mut differences = Differences::default();
    for wanted in wanted {
        of_method(plugin, wanted, &budget, &mut differences);
    }
    differences.certain.truncate(MAX_DIFFERENCES);
    differences.untold.truncate(MAX_DIFFERENCES);
    differences
}

/// The most differences of one plugin: more than anyone reads.
const MAX_DIFFERENCES: usize = 100;

fn of_method(plugin: &PluginInfo, wanted: &Function, budget: &Budget, all: &mut Differences) {
    let mut note = |is_certain, difference| {
        let (plugin, method) = (plugin.name.clone(), wanted.name.clone());
        let of_kind = if is_certain { &mut all.certain } else { &mut all.untold };
        of_kind.push(Mismatch { plugin, method, difference });
    };
    let found = plugin.functions.iter().find(|function| function.name == wanted.name);
    let Some(found) = found else {
        let known = plugin.functions.iter().map(|function| function.name.clone()).collect();
        return note(true, Difference::NoMethod { known });
    };
    let is_go = plugin.wire.dialect() == Dialect::Go;
    let of_go = |side| if is_go { side } else { OfGo::Neither };
    let sides = |wanted, found| (("client", wanted), ("plugin", found));
    let (client, offered) = sides(wanted.input.as_ref(), found.input.as_ref());
    for Refusal { path, problem, is_certain, .. } in
        refusals(client, offered, of_go(OfGo::Taker), budget)
    {
        note(is_certain, Difference::Input { path, problem });
    }
    let (client, offered) = sides(wanted.output.as_ref(), found.output.as_ref());
    for Refusal { path, problem, is_certain, .. } in
        refusals(offered, client, of_go(OfGo::Sender), budget)
    {
        note(is_certain, Difference::Output { path, problem });
    }
}

/// A side of a call, and its schema of the value that travels.
type Side<'a> = (&'static str, Option<&'a Schema>);

/// The paths of the rejected parts, and why they are rejected.
fn refusals(sender: Side<'_>, taker: Side<'_>, of_go: OfGo, budget: &Budget) -> Vec<Refusal> {
    // What has no schema is `null`.
    let null = json_schema!({ "type": "null" });
    let [sent, received] = [sender.1, taker.1].map(|schema| Node::of(schema.unwrap_or(&null)));
    let found = Walk::new(sender.0, taker.0, of_go, budget).refusals(sent, received);
    let mut refusals: Vec<Refusal> = Vec::new();
    for refusal in found {
        // Several rules may forbid the same.
        let is_same = |one: &Refusal| one.path == refusal.path && one.problem == refusal.problem;
        if !refusals.iter().any(is_same) {
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
