//! Interoperation with programs of Go, as processes over TCP: those of `examples/go`, which are
//! built here first.
//!
//! Where there is no Go, these tests are skipped and counted as ignored, which the harness of the
//! standard library can't do at run time. With `BRPC_REQUIRE_GO=1` they fail there instead.

#![allow(unreachable_pub)] // Methods of plugins are `pub` to be exposed.
#![allow(clippy::unwrap_used)] // All of this is tests.

mod crowd;
mod descriptions;
mod example;
mod giving_up;
mod go_hub;
mod go_plugin;
mod good;
mod hostile;
mod leaving;
mod load;
mod methods;
mod names;
mod on_go_hub;
mod on_go_hub_ends;
mod peer;
mod program;
mod scenario;
mod toolchain;
mod truncated;
mod twin;

// What no Go program says, written by hand; the wire's own tests have it already.
#[allow(dead_code)]
#[path = "../../crates/brpc-gob/tests/wire/raw.rs"]
mod gob;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

/// The tests, a line a file. One that is missing here is unused code, which the compiler reports.
macro_rules! tests {
    ($($topic:ident: $($test:ident),+;)+) => {
        [$($((
            concat!(stringify!($topic), "::", stringify!($test)),
            || scenario::scenario($topic::$test()),
        )),+),+]
    };
}

fn main() -> ExitCode {
    let tests: [(&str, fn()); _] = tests! {
        crowd: twenty_plugins_of_both_kinds_on_one_port, broadcasts_reach_every_plugin;
        descriptions: schemas_of_a_go_plugin, a_typed_client_fits_a_go_plugin;
        example: the_example_plugin_on_a_go_hub, a_go_hub_that_shuts_down_waits_for_the_example;
        giving_up: a_call_that_is_too_late_keeps_its_place_until_it_is_answered,
            a_call_that_is_dropped_keeps_its_place_until_it_is_answered;
        hostile: introductions_that_are_refused, introductions_that_never_end,
            messages_that_end_the_connection, a_message_that_never_ends,
            a_name_of_300_mib_takes_no_memory;
        leaving: a_go_plugin_that_is_told_to_stop_answers_first,
            a_hub_that_shuts_down_waits_for_the_answer_of_a_go_plugin,
            a_go_plugin_that_overstays_is_cut_off, a_go_plugin_that_is_unplugged_can_come_back;
        load: many_callers_of_one_go_plugin, many_callers_of_a_plugin_on_a_go_hub;
        methods: every_method_of_a_go_plugin, errors_of_a_go_plugin,
            integers_of_64_bits_arrive_as_they_are, answers_up_to_the_limit_of_a_frame,
            an_answer_beyond_the_limit_of_a_frame_ends_the_connection, the_trace_arrives;
        names: a_name_that_is_taken_is_refused_with_the_reason,
            a_go_plugin_whose_name_is_taken_gets_another;
        on_go_hub: the_description_is_that_of_the_go_plugin, calls_and_their_errors,
            events_come_in_order, calls_with_the_same_number_are_both_answered;
        on_go_hub_ends: unplugged_with_a_trace, a_shutdown_waits_for_the_call_that_runs,
            refused_because_its_name_is_taken, a_go_hub_that_is_killed,
            a_plugin_that_stops_by_itself_answers_first;
        truncated: a_conversation_cut_at_every_byte;
    };

    let mut arguments = Arguments::from_args();
    // Memory and processors are measured and loaded as a whole.
    arguments.test_threads = Some(1);
    let is_installed = toolchain::is_installed();
    let must_run = std::env::var("BRPC_REQUIRE_GO").is_ok_and(|set| set == "1");
    let trials = tests.map(|(name, test)| {
        Trial::ignorable_test(name, move || match (is_installed, must_run) {
            (true, _) => {
                test();
                Ok(Completion::Completed)
            }
            (false, true) => Err("Go is not installed, and BRPC_REQUIRE_GO=1".into()),
            (false, false) => Ok(Completion::ignored_with("Go is not installed")),
        })
    });
    let wanted = trials.iter().filter(|trial| !arguments.is_filtered_out(trial)).count();
    let conclusion = libtest_mimic::run(&arguments, trials.into());
    if !is_installed && !arguments.list && wanted > 0 {
        toolchain::say_what_is_missing(wanted, must_run);
    }
    conclusion.exit_code()
}
