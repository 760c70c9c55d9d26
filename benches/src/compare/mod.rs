//! Measurements beside each other, so that a ratio never mixes machines or minutes.

mod kept;
mod machine;
mod number;
mod plan;
mod rounds;
mod svg;
mod table;

use std::path::PathBuf;

use clap::Args;

use crate::Error;
use plan::Case;

/// What is compared, and where the result goes.
///
/// Each round runs every measurement once, as a process of its own and in an order shuffled anew; a
/// ratio is the median of the ratios within each round. The table goes to the standard output.
#[derive(Args, Debug)]
pub(crate) struct Flags {
    /// How often everything is measured.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Only the measurement of this name, or those whose names start so. Can be given more than
    /// once.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Prints the names of the measurements, and what each is.
    #[arg(long)]
    list: bool,

    /// How long each is measured, in seconds.
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,

    /// How long each warms up, in seconds.
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    warmup: f64,

    /// Two rounds of half a second: to see that all is well, not to believe the numbers.
    #[arg(long, conflicts_with_all = ["rounds", "seconds", "warmup"])]
    quick: bool,

    /// How often a measurement is repeated if other processes use the machine meanwhile.
    #[arg(long, value_name = "N", default_value_t = 2)]
    repeats: u32,

    /// Keeps every result as a line of JSON in this file, after those that are there.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Measures nothing, and makes the table of lines that were kept in this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "quick"])]
    table: Option<PathBuf>,

    /// Draws the throughput into this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

pub(crate) fn run(flags: &Flags) -> Result<(), Error> {
    let cases = chosen(plan::plan(), &flags.only)?;
    if flags.list {
        for case in &cases {
            println!("{:<18} {}", case.name, case.title);
        }
        return Ok(());
    }
    let lines = match &flags.table {
        Some(file) => kept::read(file)?,
        None => rounds::run(&cases, &flags.window(), flags.out.as_deref())?,
    };
    print!("{}", table::markdown(&cases, &lines));
    if let Some(file) = &flags.svg {
        std::fs::write(file, svg::draw(&cases, &lines)?)?;
    }
    Ok(())
}

impl Flags {
    fn window(&self) -> rounds::Window {
        let Self { rounds, seconds, warmup, repeats, .. } = *self;
        if self.quick {
            rounds::Window { rounds: 2, seconds: 0.5, warmup: 0.2, repeats: 0 }
        } else {
            rounds::Window { rounds, seconds, warmup, repeats }
        }
    }
}

/// The cases of these names; of a name that there is not, those that start so. All, if none is named.
fn chosen(plan: Vec<Case>, names: &[String]) -> Result<Vec<Case>, Error> {
    let mut wanted = Vec::new();
    for name in names {
        let is_there = plan.iter().any(|case| case.name == *name);
        let is_meant = |case: &&Case| {
            if is_there { case.name == *name } else { case.name.starts_with(name) }
        };
        let meant: Vec<String> =
            plan.iter().filter(is_meant).map(|case| case.name.clone()).collect();
        if meant.is_empty() {
            return Err(format!("no measurement is named `{name}`; `--list` shows them").into());
        }
        wanted.extend(meant);
    }
    let is_wanted = |case: &Case| names.is_empty() || wanted.contains(&case.name);
    Ok(plan.into_iter().filter(is_wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_name_is_that_one_alone() {
        let names = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(ToString::to_string).collect();
            let cases = chosen(plan::plan(), &only).unwrap();
            cases.into_iter().map(|case| case.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["idle-1000"]), ["idle-1000"]);
        assert_eq!(names(&["idle", "events"]), ["idle-1000", "idle-10000", "events"]);
        assert_eq!(names(&[]).len(), plan::plan().len());
        assert!(chosen(plan::plan(), &["nothing".to_owned()]).is_err());
    }
}
