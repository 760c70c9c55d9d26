//! Small changes of a value, most of which a type can't bear.

use serde_json::Value;

use crate::rng::Rng;
use crate::values::{any, name};

/// Changes one or two places of a value.
pub(crate) fn change(rng: &mut Rng, value: &mut Value) {
    for _ in 0..rng.range(1, 2) {
        change_one(rng, value);
    }
}

fn change_one(rng: &mut Rng, value: &mut Value) {
    match value {
        Value::Array(elements) if !elements.is_empty() && !rng.one_in(4) => {
            let place = rng.range(0, elements.len() - 1);
            match rng.range(0, 4) {
                0 => drop(elements.remove(place)),
                1 => elements.push(any(rng, 1)),
                2 => elements.push(elements[place].clone()),
                _ => change_one(rng, &mut elements[place]),
            }
        }
        Value::Object(members) if !members.is_empty() && !rng.one_in(4) => {
            let place = rng.range(0, members.len() - 1);
            let key = members.keys().nth(place).unwrap().clone();
            match rng.range(0, 5) {
                0 => drop(members.remove(&key)),
                1 => drop(members.insert(name(rng), any(rng, 1))),
                2 => {
                    let member = members.remove(&key).unwrap();
                    members.insert(name(rng), member);
                }
                _ => change_one(rng, &mut members[&key]),
            }
        }
        _ => *value = any(rng, 2),
    }
}
