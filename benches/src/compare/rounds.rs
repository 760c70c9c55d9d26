//! Runs everything, round by round.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::kept::{self, Line};
use super::machine::{self, Watch};
use super::plan::{Case, Entry};
use crate::Error;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) rounds: u32,
    pub(super) seconds: f64,
    pub(super) warmup: f64,
    /// How often a disturbed run is repeated.
    pub(super) repeats: u32,
}

/// CPUs that others may use without a run being called disturbed.
pub(super) const QUIET: f64 = 0.15;

/// All results. Each is stored as soon as it is there.
pub(super) fn run(cases: &[Case], window: &Window, out: Option<&Path>) -> Result<Vec<Line>, Error> {
    let mut runs: Vec<(&Case, &Entry)> =
        cases.iter().flat_map(|case| case.entries.iter().map(move |entry| (case, entry))).collect();
    let (mut lines, mut shuffle) = (Vec::new(), Shuffle::new());
    for round in 1..=window.rounds {
        shuffle.shuffle(&mut runs);
        for (number, (case, entry)) in (1..).zip(&runs) {
            eprintln!(
                "round {round} of {}, {number} of {}: {} of {}",
                window.rounds,
                runs.len(),
                case.name,
                entry.name
            );
            let line = run_quietly(round, case, entry, window)?;
            if let Some(error) = &line.error {
                eprintln!("  {error}");
            }
            if let Some(file) = out {
                kept::append(file, &line)?;
            }
            lines.push(line);
        }
    }
    Ok(lines)
}

/// Repeats a run that was disturbed.
fn run_quietly(round: u32, case: &Case, entry: &Entry, window: &Window) -> Result<Line, Error> {
    const PAUSE: Duration = Duration::from_secs(1);
    let mut line = run_once(round, case, entry, window)?;
    for _ in 0..window.repeats {
        if line.foreign_cpus <= QUIET || line.error.is_some() {
            break;
        }
        eprintln!("  once more: others used {:.2} CPUs", line.foreign_cpus);
        std::thread::sleep(PAUSE);
        line = run_once(round, case, entry, window)?;
    }
    Ok(line)
}

fn run_once(round: u32, case: &Case, entry: &Entry, window: &Window) -> Result<Line, Error> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--json", "--system", entry.system]);
    command.args(["--seconds", &window.seconds.to_string()]);
    command.args(["--warmup", &window.warmup.to_string()]);
    command.args(&case.flags).args(entry.flags);
    let watch = Watch::start()?;
    let (report, error) = match report(command) {
        Ok(report) => (Some(report), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(Line {
        round,
        case: case.name.clone(),
        entry: entry.name.to_owned(),
        report,
        error,
        foreign_cpus: watch.foreign_cpus()?,
        machine: machine::name(),
    })
}

/// What a run prints.
fn report(mut command: Command) -> Result<Value, Error> {
    /// Ten times as long as the longest takes.
    const PATIENCE: Duration = Duration::from_mins(3);
    const PAUSE: Duration = Duration::from_millis(5);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let start = Instant::now();
    // A line of JSON and one of errors fit into the pipes, so they need not be read meanwhile.
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            break child.wait()?;
        }
        std::thread::sleep(PAUSE);
    };
    let (mut out, mut errors) = (String::new(), String::new());
    if let Some(mut stream) = child.stdout.take() {
        stream.read_to_string(&mut out)?;
    }
    if let Some(mut stream) = child.stderr.take() {
        stream.read_to_string(&mut errors)?;
    }
    if !status.success() {
        return Err(format!("{status}: {}", errors.trim()).into());
    }
    let line = out.lines().last().ok_or("the run printed nothing")?;
    Ok(serde_json::from_str(line)?)
}

/// Puts things into another order each time. Good enough for that, and nothing else.
#[derive(Debug)]
struct Shuffle(u64);

impl Shuffle {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(crate::latency::nanoseconds(now) | 1)
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        for left in (1..things.len()).rev() {
            let chosen = usize::try_from(self.next() % (left as u64 + 1)).unwrap_or(left);
            things.swap(left, chosen);
        }
    }

    /// Marsaglia's xorshift.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_in_shuffling() {
        let mut things: Vec<u32> = (0..100).collect();
        Shuffle(7).shuffle(&mut things);
        assert!(!things.is_sorted());
        things.sort_unstable();
        assert_eq!(things, (0..100).collect::<Vec<u32>>());
    }
}
