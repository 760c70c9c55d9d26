//! What a schema allows decodes, and what it forbids doesn't.
//!
//! Each type of a table is described, and values are made from its description: some as it wants
//! them, most of them with a few changes. A validator that knows nothing of this crate says whether
//! the schema allows a value; the decoder says what it thinks of it. They must agree, but for what
//! the documentation of `describe` names. `BRPC_DESCRIBED` is how many values a type gets.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

mod case;
mod changes;
mod compared;
#[path = "../schedules/rng.rs"]
#[allow(dead_code)] // Its times.
mod rng;
mod second_form;
mod table;
mod values;

use self::case::{Case, Verdict};
use self::rng::Rng;

/// Values that a type gets: enough that the rarest of the mistakes below is met many times over.
const VALUES: u64 = 3_000;

fn values() -> u64 {
    std::env::var("BRPC_DESCRIBED").map_or(VALUES, |text| text.parse().expect("a number"))
}

/// The first value about which schema and decoder differ, if there is one.
fn difference(case: &Case) -> Option<String> {
    let (mut taken, mut refused, mut excepted) = (0, 0, 0);
    for seed in 0..values() {
        let mut rng = Rng::new(seed);
        let mut value = values::value(&mut rng, case.schema(), 4);
        if !rng.one_in(4) {
            changes::change(&mut rng, &mut value);
        }
        match case.judge(&value) {
            Verdict::Taken => taken += 1,
            Verdict::Refused => refused += 1,
            Verdict::Excepted => excepted += 1,
            Verdict::Wrong(problem) => {
                let (name, schema) = (case.name(), case.schema().as_value());
                return Some(format!("{name}, seed {seed}: {value} is {problem}; see\n{schema:#}"));
            }
        }
    }
    println!("{:<40}{taken:>7}{refused:>7}{excepted:>7}", case.name());
    // Else it shows nothing.
    let few = values() / 20;
    assert!(taken > few && (refused > few || case.takes_all()), "{}", case.name());
    assert!(excepted < values() / 5, "{}", case.name());
    None
}

#[test]
fn schemas_say_what_the_decoder_takes() {
    println!("{:<40}{:>7}{:>7}{:>7}", "type", "taken", "refused", "except");
    let differences: Vec<String> = table::cases().iter().filter_map(difference).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}
