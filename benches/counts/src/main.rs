//! How many instructions the library takes for what it does, the same in every run.
//!
//! Each benchmark does [`OPERATIONS`](load::OPERATIONS) of what it is named for, once, under
//! callgrind and on one thread; `.ci/counts` compares them with those of the parent commit. What
//! comes before, and a first round of the same that fills buffers and tables, is not counted.
//!
//! - No time passes: the clock is paused, and a call that is stuck ends in a panic at once.
//! - No sockets: both sides meet over a pipe in memory, and where one side is measured alone, a
//!   [`script`] that costs next to nothing plays the other.

mod both;
mod hub;
mod load;
mod plugin;
mod protocol;
mod script;

use both::both_sides;
use gungraun::{Callgrind, LibraryBenchmarkConfig, main};
use hub::hub_alone;
use plugin::plugin_alone;
use protocol::protocol_alone;

main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = [both_sides, hub_alone, plugin_alone, protocol_alone]
);
