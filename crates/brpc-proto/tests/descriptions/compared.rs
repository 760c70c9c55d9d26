//! A type takes what it sends, and differences between two types are real.

use brpc_core::describe::{PluginInfo, mismatches};
use brpc_core::{Function, Mismatch};
use schemars::Schema;
use serde_json::{Value, json};

use crate::case::Case;
use crate::rng::Rng;
use crate::{table, values};

/// Values of a type that are tried for each other type.
const TRIED: u64 = 300;

/// How a plugin that takes this differs from what a client counts on that sends that.
fn differences(sent: &Schema, taken: &Schema) -> Vec<Mismatch> {
    let [wanted, offered] = [sent, taken].map(|schema| {
        let mut function = Function::new("f");
        function.input = Some(schema.clone());
        function
    });
    mismatches(&PluginInfo::new("p", "", 1, vec![offered]), &[wanted])
}

/// Values that one type may send and the schema of the other one forbids.
fn refused(one: &Case, other: &Case) -> impl Iterator<Item = Value> {
    let made = (0..TRIED).map(|seed| values::value(&mut Rng::new(seed), one.sent(), 4));
    // One that needs 128 bits, of which none are made.
    made.chain([json!(2e38)]).filter(|value| one.may_send(value) && !other.allows(value))
}

#[test]
fn a_type_takes_what_it_sends() {
    for case in table::cases() {
        let found = differences(case.sent(), case.schema());
        assert!(found.is_empty(), "{}: {found:#?}", case.name());
    }
}

#[test]
fn differences_are_real_and_few_are_missed() {
    let cases = table::cases();
    let (mut found, mut missed, mut unreal) = (0, Vec::new(), Vec::new());
    for (one, other) in cases.iter().flat_map(|one| cases.iter().map(move |other| (one, other))) {
        let pair = format!("{} to {}", one.name(), other.name());
        let differences = differences(one.sent(), other.schema());
        match (refused(one, other).next(), differences.first()) {
            (Some(_), Some(_)) => found += 1,
            (None, Some(difference)) => unreal.push(format!("{pair}: {difference}")),
            // One that may send anything is never blamed.
            (Some(_), None) if !one.takes_all() => {
                // Of what a schema forbids, some decodes: an array as a struct.
                let fails = refused(one, other).find(|value| !other.decodes(value));
                missed.extend(fails.map(|value| format!("{pair}: {value}")));
            }
            (_, None) => {}
        }
    }
    println!("{found} found, {} missed:\n{}", missed.len(), missed.join("\n"));
    assert!(unreal.is_empty(), "no value is refused, and yet there is a difference:\n{unreal:#?}");
    assert!(missed.len() * 20 < found, "{} missed, {found} found", missed.len());
}
