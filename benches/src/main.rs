//! The project's own benchmark; see `--help`.

mod child;
mod compare;
mod echo;
mod flags;
mod latency;
mod load;
mod meter;
mod process;
mod progress;
mod report;
mod scenario;
mod system;
mod tally;

use std::process::ExitCode;

use clap::Parser as _;

use crate::flags::{Cli, Command, Role, Runtime, Setup};
use crate::progress::Progress;

/// An error that ends a measurement; reported to whoever started it.
type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Some(Command::Compare(flags)) => compare::run(&flags),
        None => run(&cli.setup),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Does this process's part of one measurement.
fn run(setup: &Setup) -> Result<(), Error> {
    if let Some(cpu) = setup.cpu() {
        process::stay_on(cpu)?;
    }
    process::raise_open_files(setup.plugins())?;
    let mut runtime = match setup.rt {
        Runtime::Multi => tokio::runtime::Builder::new_multi_thread(),
        Runtime::Current => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    let result = match setup.role {
        // In a task, like everything that is measured: a thread that waits outside of the runtime
        // would have to be woken for each plugin that connects.
        Role::Hub => runtime.block_on(async {
            let setup = setup.clone();
            tokio::spawn(async move { measure(&setup).await }).await?
        }),
        Role::Plugin => runtime.block_on(scenario::run_plugins(setup)),
    };
    // A thread that reads the standard input can't be waited for.
    runtime.shutdown_background();
    result
}

async fn measure(setup: &Setup) -> Result<(), Error> {
    let progress = Progress::new(format!("{} of {}", setup.scenario, setup.system), setup.json);
    let report = scenario::run(setup, &progress).await;
    progress.end();
    let report = report?;
    if !setup.json {
        eprintln!("{report}");
    }
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
